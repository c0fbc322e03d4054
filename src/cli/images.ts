/** Opens images for commands: one registry client with the user's settings, credentials and mirrors. */

import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { Config } from '../config/index.ts';
import type { Reporter } from '../events/index.ts';
import {
  type ImageDestination,
  type ImageSource,
  openDestination,
  openSource,
  registryImage,
} from '../image/index.ts';
import {
  type BlobLocations,
  createRegistryClient,
  credentialSettings,
  loadCredentials,
  loadRegistriesConfig,
  type RegistryClient,
  registriesConfigPlaces,
  type Transport,
  undiciTransport,
} from '../registry/index.ts';
import type { Store } from '../store/index.ts';
import type { CommandIo } from './command.ts';

/** Opens images by the names that users give them. Disposing closes all connections. */
export interface Images extends AsyncDisposable {
  source(name: string): Promise<ImageSource>;
  destination(name: string): Promise<ImageDestination>;
  /** Bytes moved so far. */
  readonly client: RegistryClient;
  /** Requests to servers that are no registries, with the same proxies and certificates. */
  readonly http: Transport;
}

/** Makes what opens images. */
export async function openImages(
  config: Config,
  io: CommandIo,
  store: Store,
  reporter: Reporter,
): Promise<Images> {
  const client = await createClient(config, io, store, reporter);
  const { send: http, close } = undiciTransport({
    insecure: [],
    caFiles: authorities(io),
    certificateDirectories: [],
    proxy: proxies(io),
    connectMs: 30_000,
  });
  const deps = {
    store,
    registry: (reference: Parameters<typeof registryImage>[1]) => registryImage(client, reference),
    absolutePath: (path: string) => resolve(io.cwd, path),
  };
  return {
    client,
    http,
    source: (name) => openSource(name, deps, io.signal),
    destination: (name) => openDestination(name, deps, io.signal),
    [Symbol.asyncDispose]: async () => {
      await close();
      await client.close();
    },
  };
}

async function createClient(
  config: Config,
  io: CommandIo,
  store: Store,
  reporter: Reporter,
): Promise<RegistryClient> {
  const warn = (message: string) =>
    reporter.emit({ type: 'log', level: 'warning', message, time: Date.now() });
  const home = io.env['HOME'] || homedir();
  const places = credentialSettings(io.env, { home, uid: io.uid });
  const { authfile, insecureRegistry } = config.values;
  return createRegistryClient({
    credentials: loadCredentials(
      authfile === undefined ? places : { ...places, authFile: authfile },
      warn,
    ),
    settings: {
      insecure: insecureRegistry,
      caFiles: authorities(io),
      certificateDirectories: [
        `${home}/.config/containers/certs.d`,
        '/etc/containers/certs.d',
        '/etc/docker/certs.d',
      ],
      proxy: proxies(io),
      registries: await loadRegistriesConfig(registriesConfigPlaces(io.env, home)),
    },
    reporter,
    locations: storedLocations(store),
  });
}

function authorities({ env }: CommandIo): readonly string[] {
  const file = env['SSL_CERT_FILE'];
  return file === undefined ? [] : [file];
}

function proxies({ env }: CommandIo): Record<string, string> {
  const value = (name: string) => env[name.toLowerCase()] || env[name.toUpperCase()];
  const found = {
    http: value('http_proxy'),
    https: value('https_proxy'),
    all: value('all_proxy'),
    no: value('no_proxy'),
  };
  return Object.fromEntries(
    Object.entries(found).flatMap(([key, text]) => (text === undefined ? [] : [[key, text]])),
  );
}

const rememberedRepositories = 10;

/** Remembers in the local store in which repositories of a registry a blob was seen. */
function storedLocations(store: Store): BlobLocations {
  const kind = 'blob-locations';
  const find = async (registry: string, digest: string): Promise<readonly string[]> => {
    const record = await store.records.read(kind, `${registry} ${digest}`);
    return Array.isArray(record) ? record.filter((name) => typeof name === 'string') : [];
  };
  return {
    find,
    record: async (registry, repository, digest) => {
      const known = await find(registry, digest);
      if (known[0] === repository) return;
      const names = [repository, ...known.filter((name) => name !== repository)];
      await store.records
        .write(kind, `${registry} ${digest}`, names.slice(0, rememberedRepositories))
        .catch(() => {});
    },
  };
}
