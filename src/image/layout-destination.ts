/**
 * Writes images into an OCI layout directory. Blobs appear whole; the image appears when `index.json` is
 * replaced, under a lock, so that several writers lose nothing of one another.
 */

import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  digestStream,
  type OpenBlob,
  type PutOptions,
  type PutOutcome,
  readFileChunks,
  streamOf,
  takeUnverified,
} from '../blob/index.ts';
import { BuildError } from '../errors/index.ts';
import {
  algorithmOf,
  composeIndex,
  type Descriptor,
  type Digest,
  descriptorOf,
  type Index,
  parseManifest,
} from '../model/index.ts';
import {
  BlobWriter,
  fileError,
  type IngestPlace,
  makeDirectories,
  noFailpoint,
  openRegularFile,
  sweepIngest,
  tryLock,
  withLock,
  writeAtomically,
} from '../store/index.ts';
import {
  attachReferrer,
  checkLayoutMarker,
  layoutMarker,
  parseLayoutIndex,
  replaceImage,
} from './layout-index.ts';
import { blobPath } from './layout-source.ts';
import type { ImageDestination, PutManifestOptions } from './ports.ts';
import { formatLayoutName, type LayoutName } from './transport-name.ts';

const workingName = '.s2oci';

/** Where things lie while they are written, `.s2oci/`; removed when its last user leaves. */
class WorkingPlace implements IngestPlace {
  readonly blobMode = 0o644;
  readonly ingest: string;
  readonly quarantine: string;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    this.ingest = join(root, workingName);
    this.quarantine = this.ingest;
  }

  blob(digest: Digest): string {
    return join(this.#root, blobPath(digest));
  }

  lock(kind: string, name: string): string {
    return join(this.ingest, `${kind}-${name}`);
  }

  /** Makes the place; it stays as long as the writer's lock file is in it. */
  async enter(writer: BlobWriter): Promise<void> {
    for (let attempts = 1; ; attempts += 1) {
      await makeDirectories(this.ingest);
      try {
        await writer.begin();
        return;
      } catch (error) {
        // Another writer, the last one then, has just left and taken the place with it.
        const { code } = (error as { cause?: NodeJS.ErrnoException }).cause ?? {};
        if (code !== 'ENOENT' || attempts === 10) throw error;
      }
    }
  }

  /** Takes the place away unless somebody else is in it; lock files of killed writers do not count. */
  async leave(): Promise<void> {
    for (const name of await readdir(this.ingest).catch(() => [])) {
      const lock =
        /^(ingest|index)-/.test(name) &&
        (await tryLock(join(this.ingest, name)).catch(() => undefined));
      if (lock) await lock.remove();
    }
    await rmdir(this.ingest).catch(() => {});
  }
}

/**
 * Opens an OCI layout directory for writing, and makes it if need be.
 *
 * @throws BuildError `MANIFEST_INVALID` for a directory whose layout is broken or of another version,
 * `USAGE_INVALID` for one that holds something else, `PERMISSION_DENIED`, `NO_SPACE`, `IO_FAILED`
 */
export async function openLayoutDestination(
  name: LayoutName,
  { now = Date.now }: { readonly now?: () => number } = {},
): Promise<ImageDestination> {
  const place = new WorkingPlace(name.path);
  const writer = new BlobWriter(place, { failpoint: noFailpoint, now });
  const destination = new LayoutDestination(name, place, writer);
  try {
    await makeDirectories(name.path);
    if (!(await isLayout(name.path))) await refuseForeign(name.path);
    await place.enter(writer);
    await destination.prepare();
    return destination;
  } catch (error) {
    await destination[Symbol.asyncDispose]();
    throw await fileError(error, `cannot write images to ${name.path}`, name.path);
  }
}

/** Files that are written under the lock of the index; without it they are what killed writers left. */
const unfinished = /^\.(index\.json|oci-layout)\./;

class LayoutDestination implements ImageDestination {
  readonly name: string;
  readonly family = 'any';
  readonly holdsReferrers = true;
  readonly #wanted: LayoutName;
  readonly #place: WorkingPlace;
  readonly #writer: BlobWriter;

  constructor(wanted: LayoutName, place: WorkingPlace, writer: BlobWriter) {
    const { digest: _, ...withoutDigest } = wanted;
    this.name = formatLayoutName(withoutDigest);
    this.#wanted = wanted;
    this.#place = place;
    this.#writer = writer;
  }

  /** Makes the layout if it is not there, and removes what killed writers left. */
  async prepare(): Promise<void> {
    await sweepIngest(this.#place);
    const { path } = this.#wanted;
    await this.#locked(undefined, async () => {
      const left = (await readdir(path)).filter((entry) => unfinished.test(entry));
      for (const entry of left) await rm(join(path, entry), { force: true });
      if (!(await isLayout(path))) await makeLayout(path);
    });
  }

  mountableFrom(): undefined {
    return undefined;
  }

  async put(
    descriptor: Descriptor,
    open: OpenBlob,
    { signal, onProgress }: PutOptions = {},
  ): Promise<PutOutcome> {
    const { digest, size } = descriptor;
    const path = this.#place.blob(digest);
    if (await isRight(path, descriptor)) return 'present';
    await makeDirectories(dirname(path)).catch(async (error) => {
      throw await fileError(error, `cannot write ${this.name}`, this.#wanted.path);
    });
    const stream = await open(signal);
    const body = takeUnverified(stream, descriptor) ?? stream;
    await this.#writer.write(body, { digest, size, signal, onProgress });
    return 'uploaded';
  }

  async putManifest(
    bytes: Uint8Array,
    mediaType: string,
    { tag, signal }: PutManifestOptions,
  ): Promise<string> {
    const image = descriptorOf(bytes, mediaType);
    await this.put(image, async () => streamOf(bytes), signal === undefined ? {} : { signal });
    if (tag) await this.#list(image, signal);
    else await this.#refer(bytes, image.digest, signal);
    const { digest: _, ...name } = this.#wanted;
    return formatLayoutName({ ...name, digest: image.digest });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#place.leave();
  }

  #list(image: Descriptor, signal: AbortSignal | undefined): Promise<void> {
    return this.#change(signal, (index) => replaceImage(index, image, this.#wanted.tag));
  }

  /** An artifact is noted with its subject, which is the only way to find it again. */
  async #refer(bytes: Uint8Array, digest: Digest, signal: AbortSignal | undefined): Promise<void> {
    const manifest = parseManifest(bytes, undefined, `${digest} of ${this.#wanted.path}`);
    const { subject, artifactType } = manifest;
    if (subject === undefined || artifactType === undefined) return;
    await this.#change(signal, (index) =>
      attachReferrer(index, subject.digest, artifactType, digest),
    );
  }

  async #change(signal: AbortSignal | undefined, change: (index: Index) => Index): Promise<void> {
    const { path } = this.#wanted;
    try {
      await this.#locked(signal, async () => {
        const bytes = (await readIfAny(join(path, 'index.json'))) ?? composeIndex([]).raw;
        const changed = change(parseLayoutIndex(bytes, path));
        await writeAtomically(join(path, 'index.json'), changed.raw);
      });
    } catch (error) {
      throw await fileError(error, `cannot name the image in ${path}`, path);
    }
  }

  #locked(signal: AbortSignal | undefined, action: () => Promise<void>): Promise<void> {
    const what = `index.json of ${this.#wanted.path}`;
    return withLock(this.#place.lock('index', 'json'), { signal, timeoutMs: 60_000, what }, action);
  }
}

async function isLayout(path: string): Promise<boolean> {
  const marker = await readIfAny(join(path, 'oci-layout'));
  if (marker === undefined) return false;
  checkLayoutMarker(marker, path);
  return true;
}

async function refuseForeign(path: string): Promise<void> {
  const own = new Set([workingName, 'blobs', 'index.json']);
  const isOwn = (entry: string) => own.has(entry) || unfinished.test(entry);
  const foreign = (await readdir(path)).find((entry) => !isOwn(entry));
  if (foreign === undefined) return;
  throw new BuildError(
    'USAGE_INVALID',
    `${path} is no OCI layout and holds other things, such as ${JSON.stringify(foreign)}`,
    { suggestion: 'name a new or an empty directory' },
  );
}

async function makeLayout(path: string): Promise<void> {
  await makeDirectories(join(path, 'blobs', 'sha256'));
  await writeAtomically(join(path, 'index.json'), composeIndex([]).raw);
  await writeAtomically(join(path, 'oci-layout'), layoutMarker);
}

async function readIfAny(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/** Tells whether a blob is already there; one that is damaged is written again over it. */
async function isRight(path: string, { digest, size }: Descriptor): Promise<boolean> {
  const file = await openRegularFile(path).catch(() => undefined);
  if (file === undefined) return false;
  if ((await file.stat()).size !== size) {
    await file.close();
    return false;
  }
  const content = readFileChunks(file, { expected: size });
  return (await digestStream(content, algorithmOf(digest))).digest === digest;
}
