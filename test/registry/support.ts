/**
 * What the registry tests share: clients with short pauses, blobs, manifests, a clock that does not wait.
 */

import { createCipheriv, createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { BuildError } from '../../src/errors/index.ts';
import type { BuildEvent } from '../../src/events/index.ts';
import {
  composeManifest,
  type Descriptor,
  descriptorOf,
  type Manifest,
  mediaTypes,
} from '../../src/model/index.ts';
import {
  type Clock,
  type Credential,
  type CredentialProvider,
  createRegistryClient,
  defaultRegistrySettings,
  type RegistryClient,
  type RegistryClientDeps,
  type RegistrySettings,
} from '../../src/registry/index.ts';

/** Settings with which failing tests fail quickly. */
export const quickSettings: Partial<RegistrySettings> = {
  retry: { ...defaultRegistrySettings.retry, baseMs: 2, maxMs: 20, outageMs: 300 },
  timeouts: {
    ...defaultRegistrySettings.timeouts,
    connectMs: 2000,
    responseMs: 2000,
    commitMs: 2000,
    stall: { idleMs: 400, windowMs: 1000, minBytesPerSecond: 1024 },
    totalMs: 30_000,
  },
  // As in the program, which shares memory with threads.
  ownProcess: true,
};

/** A client under test and what it told. */
export interface TestClient {
  readonly client: RegistryClient;
  readonly events: BuildEvent[];
  /** The messages of a level or worse. */
  messages(level?: 'warning' | 'info' | 'debug'): readonly string[];
}

/** Makes a client with short pauses; further settings are merged over them. */
export function testClient(
  deps: RegistryClientDeps & { readonly credential?: Credential } = {},
): TestClient {
  const { credential, ...rest } = deps;
  const events: BuildEvent[] = [];
  const credentials = credential === undefined ? undefined : always(credential);
  const client = createRegistryClient({
    reporter: { emit: (event) => events.push(event) },
    ...(credentials === undefined ? {} : { credentials }),
    ...rest,
    settings: { ...quickSettings, ...deps.settings },
  });
  const order = ['debug', 'info', 'warning'];
  return {
    client,
    events,
    messages: (level = 'warning') =>
      events.flatMap((event) =>
        event.type === 'log' && order.indexOf(event.level) >= order.indexOf(level)
          ? [event.message]
          : [],
      ),
  };
}

/** Gives the same credential for everything. */
export function always(credential: Credential): CredentialProvider {
  return { find: async () => credential };
}

/** User name and password as a credential. */
export function login(username = 'alice', password = 'pa:ss'): Credential {
  return { kind: 'basic', username, password, origin: 'the test' };
}

/** A clock on which sleeping takes no time; `slept` lists what was waited for, in milliseconds. */
export function fakeClock(start = 1_800_000_000_000): Clock & { readonly slept: number[] } {
  let now = start;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    sleep: async (ms, signal) => {
      signal.throwIfAborted();
      slept.push(ms);
      now += ms;
    },
  };
}

/** Content that is the same for the same seed and does not compress. */
export function bytesOf(size: number, seed = 'seed'): Buffer {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

/** A blob with its descriptor. */
export interface TestBlob {
  readonly bytes: Buffer;
  readonly descriptor: Descriptor;
  readonly open: () => Promise<Readable>;
}

/** Makes a layer blob. */
export function layerOf(size: number, seed?: string): TestBlob {
  return blobOf(bytesOf(size, seed), mediaTypes.ociLayer);
}

/** Wraps bytes as a blob; `open` gives them in pieces of 16 KiB. */
export function blobOf(bytes: Buffer, mediaType: string): TestBlob {
  return {
    bytes,
    descriptor: descriptorOf(bytes, mediaType),
    open: async () => Readable.from(pieces(bytes), { objectMode: false }),
  };
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 16_384) yield bytes.subarray(at, at + 16_384);
}

/** An image of one config and some layers. */
export interface TestImage {
  readonly manifest: Manifest;
  readonly descriptor: Descriptor;
  readonly blobs: readonly TestBlob[];
}

/** Makes an image out of layers; `note` makes its config differ from others. */
export function imageOf(layers: readonly TestBlob[], note = ''): TestImage {
  const document = {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map(({ descriptor }) => descriptor.digest) },
    note,
  };
  const config = blobOf(Buffer.from(JSON.stringify(document)), mediaTypes.ociConfig);
  const manifest = composeManifest(
    { config: config.descriptor, layers: layers.map(({ descriptor }) => descriptor) },
    'oci',
  );
  return {
    manifest,
    descriptor: descriptorOf(manifest.raw, manifest.mediaType),
    blobs: [...layers, config],
  };
}

/** Pushes a whole image under a tag. */
export async function pushImage(
  client: RegistryClient,
  place: { readonly registry: string; readonly repository: string },
  image: TestImage,
  tag = 'latest',
): Promise<void> {
  const repository = client.repository(place);
  await Promise.all(
    image.blobs.map(({ descriptor, open }) => repository.putBlob(descriptor, open)),
  );
  await repository.putManifest(image.manifest.raw, image.manifest.mediaType, [tag]);
}

/** Reads a stream to its end. */
export async function readAll(stream: Readable): Promise<Buffer> {
  return Buffer.concat((await stream.toArray()) as Buffer[]);
}

/** Returns the error that something ends with. */
export async function errorOf(work: Promise<unknown>): Promise<BuildError> {
  try {
    await work;
  } catch (error) {
    return error as BuildError;
  }
  throw new Error('it should have failed');
}

/** Headers of a manifest's answer. */
export function manifestHeaders(image: TestImage): Record<string, string | number> {
  return {
    'content-type': image.manifest.mediaType,
    'docker-content-digest': image.descriptor.digest,
    'content-length': image.manifest.raw.length,
  };
}
