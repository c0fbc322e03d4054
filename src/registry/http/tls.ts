/**
 * Whom we trust and who we are, per registry host: the system's certificate authorities, extra
 * bundles, and the `certs.d` directories that Docker and Podman read (`*.crt` authorities, `X.cert` with
 * `X.key` client certificates).
 */

import { X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { BuildError } from '../../errors/index.ts';

/** How to speak TLS to one host. */
export interface TlsProfile {
  readonly context: SecureContext;
  /** Whether its certificate must be valid; false only for hosts that the user named insecure. */
  readonly verify: boolean;
}

/** What the profiles are made from. */
export interface TlsSettings {
  readonly insecure: readonly string[];
  readonly caFiles: readonly string[];
  readonly certificateDirectories: readonly string[];
}

/** Makes TLS profiles and keeps them; one per host and port. */
export class TlsProfiles {
  readonly #settings: TlsSettings;
  readonly #profiles = new Map<string, Promise<TlsProfile>>();
  #roots: Promise<readonly string[]> | undefined;
  #shared: Promise<SecureContext> | undefined;

  constructor(settings: TlsSettings) {
    this.#settings = settings;
  }

  /**
   * Returns the profile for a host.
   *
   * @param host `host` or `host:port`; a directory for either spelling is used
   * @throws BuildError `CONFIG_INVALID` when a configured file cannot be used
   */
  for(host: string): Promise<TlsProfile> {
    const known = this.#profiles.get(host);
    if (known !== undefined) return known;
    const profile = this.#make(host);
    this.#profiles.set(host, profile);
    return profile;
  }

  async #make(host: string): Promise<TlsProfile> {
    const verify = !isInsecureHost(host, this.#settings.insecure);
    const files = await this.#directoryOf(host);
    if (files === undefined) return { context: await this.#sharedContext(), verify };
    const ca = [...(await this.#trusted()), ...(await readAll(files.authorities))];
    const pair = files.client;
    const identity =
      pair === undefined ? {} : { cert: await readPem(pair.cert), key: await readPem(pair.key) };
    return { context: makeContext({ ca, ...identity }, host), verify };
  }

  #sharedContext(): Promise<SecureContext> {
    this.#shared ??= this.#trusted().then((ca) => makeContext({ ca: [...ca] }, 'registries'));
    return this.#shared;
  }

  /** The system's authorities as one text: reading the file is far quicker than asking OpenSSL for its list. */
  #trusted(): Promise<readonly string[]> {
    this.#roots ??= Promise.all([systemBundle(), readAll(this.#settings.caFiles)]).then(
      ([system, extra]) => [
        ...(system === undefined ? getCACertificates('default') : [system]),
        ...getCACertificates('extra'),
        ...extra,
      ],
    );
    return this.#roots;
  }

  async #directoryOf(host: string): Promise<HostFiles | undefined> {
    for (const root of this.#settings.certificateDirectories) {
      for (const name of new Set([host, host.replace(/:\d+$/, '')])) {
        const files = await hostFiles(join(root, name));
        if (files !== undefined) return files;
      }
    }
    return undefined;
  }
}

/** Tells whether the user named a host insecure, with or without its port. */
export function isInsecureHost(host: string, insecure: readonly string[]): boolean {
  const wanted = host.toLowerCase();
  return insecure.some((entry) => {
    const named = entry.toLowerCase();
    return named === wanted || named === wanted.replace(/:\d+$/, '');
  });
}

interface HostFiles {
  readonly authorities: readonly string[];
  readonly client: { readonly cert: string; readonly key: string } | undefined;
}

async function hostFiles(dir: string): Promise<HostFiles | undefined> {
  const names = await readdir(dir).catch(() => undefined);
  if (names === undefined) return undefined;
  const sorted = names.toSorted();
  const cert = sorted.find((name) => name.endsWith('.cert'));
  const key = cert?.replace(/\.cert$/, '.key');
  if (cert !== undefined && !sorted.includes(key ?? '')) {
    throw new BuildError('CONFIG_INVALID', `${join(dir, cert)} has no key: ${key} is missing`);
  }
  return {
    authorities: sorted.filter((name) => name.endsWith('.crt')).map((name) => join(dir, name)),
    client:
      cert === undefined || key === undefined
        ? undefined
        : { cert: join(dir, cert), key: join(dir, key) },
  };
}

/** Where distributions keep the authorities that the machine trusts. */
const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

async function systemBundle(): Promise<string | undefined> {
  for (const file of systemBundles) {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text.includes('-----BEGIN')) return text;
  }
  return undefined;
}

async function readAll(files: readonly string[]): Promise<readonly string[]> {
  return Promise.all(
    files.map(async (file) => {
      const text = await readPem(file);
      refuseOther(text, file);
      return text;
    }),
  );
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new BuildError('CONFIG_INVALID', `cannot read the certificate file ${file}`, { cause });
  }
}

/** OpenSSL passes over what is no certificate; a file given by the user that holds none is a mistake. */
function refuseOther(text: string, file: string): void {
  try {
    new X509Certificate(text);
  } catch (cause) {
    throw new BuildError('CONFIG_INVALID', `${file} is not a PEM file with certificates`, {
      cause,
    });
  }
}

function makeContext(
  options: Parameters<typeof createSecureContext>[0],
  what: string,
): SecureContext {
  try {
    return createSecureContext({ ...options, minVersion: 'TLSv1.2' });
  } catch (cause) {
    throw new BuildError('CONFIG_INVALID', `the certificate files for ${what} cannot be used`, {
      cause,
    });
  }
}
