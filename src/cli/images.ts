/** Opens images for commands: one registry client with the user's settings, credentials and mirrors. */

import { resolve } from 'node:path';
import type { Config } from '../config/index.ts';
import { BuildError } from '../errors/index.ts';
import type { Reporter } from '../events/index.ts';
import {
  type ImageDestination,
  type ImageSource,
  openDestination,
  openSource,
  parseTransport,
  registryImage,
} from '../image/index.ts';
import {
  type BlobLocations,
  expandShortName,
  type RegistryClient,
  type Transport,
  undiciTransport,
} from '../registry/index.ts';
import type { Store } from '../store/index.ts';
import type { CommandIo } from './command.ts';
import { authorities, loadRegistries, openRegistryClient, proxies } from './registry-client.ts';

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
  const registries = await loadRegistries(io);
  const client = await openRegistryClient(config, io, reporter, {
    registries,
    locations: storedLocations(store),
  });
  const { send: http, close } = openHttp(io);
  const deps = {
    store,
    registry: (reference: Parameters<typeof registryImage>[1]) => registryImage(client, reference),
    absolutePath: (path: string) => resolve(io.cwd, path),
  };
  return {
    client,
    http,
    source: async (name) => {
      const isReference = parseTransport(name).transport === 'registry';
      const names = isReference ? expandShortName(name, registries) : [name];
      return openFirst(names, (full) => openSource(full, deps, io.signal), io.signal);
    },
    destination: (name) => openDestination(name, deps, io.signal),
    [Symbol.asyncDispose]: async () => {
      await close();
      await client.close();
    },
  };
}

/**
 * Opens the first of several images that is there. Only a registry that says it lacks one makes way for the next;
 * one that fails is not passed over, or whoever can disturb it would choose what is pulled.
 */
async function openFirst(
  names: readonly string[],
  open: (name: string) => Promise<ImageSource>,
  signal: AbortSignal,
): Promise<ImageSource> {
  for (const name of names) {
    const source = await open(name);
    if (names.length === 1) return source;
    try {
      await source.resolve(signal);
      return source;
    } catch (error) {
      await source[Symbol.asyncDispose]();
      if (!(error instanceof BuildError && absent.has(error.code))) throw error;
    }
  }
  throw new BuildError('IMAGE_NOT_FOUND', `no registry has the image: asked ${names.join(', ')}`, {
    suggestion: 'write its whole name; registries that want a login say no as well',
  });
}

/** Registries also answer so for images that they lack, not to say which they have. */
const absent: ReadonlySet<string> = new Set([
  'IMAGE_NOT_FOUND',
  'REGISTRY_UNAUTHORIZED',
  'REGISTRY_DENIED',
]);

/** Opens connections to servers that are no registries; `close` ends them. */
export function openHttp(io: CommandIo): ReturnType<typeof undiciTransport> {
  return undiciTransport({
    insecure: [],
    caFiles: authorities(io),
    certificateDirectories: [],
    proxy: proxies(io),
    connectMs: 30_000,
    ownProcess: true,
  });
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
