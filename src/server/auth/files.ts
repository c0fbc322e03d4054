/** The files that the operator of a registry brings: passwords, certificate and key. Read once, at the start. */

import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { BuildError } from '../../errors/index.ts';
import { Gatekeeper, parseHtpasswd } from './htpasswd.ts';

/** PEM files of a certificate with its chain, and of its key. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads the users; without a file there is no gatekeeper.
 *
 * @throws BuildError `CONFIG_INVALID`
 */
export async function readGatekeeper(file: string | undefined): Promise<Gatekeeper | undefined> {
  if (file === undefined) return undefined;
  return new Gatekeeper(parseHtpasswd(await readText(file), file));
}

/**
 * Reads certificate and key, and tries whether they fit.
 *
 * @throws BuildError `CONFIG_INVALID`
 */
export async function readTls(
  files: TlsFiles | undefined,
): Promise<SecureContextOptions | undefined> {
  if (files === undefined) return undefined;
  const [cert, key] = await Promise.all([readText(files.cert), readText(files.key)]);
  const options = { cert, key, minVersion: 'TLSv1.2' } as const;
  try {
    createSecureContext(options);
    return options;
  } catch (cause) {
    const why = (cause as Error).message;
    const message = `the certificate ${files.cert} and the key ${files.key} cannot be used: ${why}`;
    throw new BuildError('CONFIG_INVALID', message, { cause });
  }
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: Error) => {
    throw new BuildError('CONFIG_INVALID', `cannot read ${file}: ${cause.message}`, { cause });
  });
}
