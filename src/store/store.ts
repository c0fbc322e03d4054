/**
 * The local store: a content-addressed OCI layout with root file systems, scratch directories and records
 * beside it, shared by any number of processes (docs/design.md, "The local state").
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { BlobSink, BlobSource, OpenBlob, PutOptions, PutOutcome } from '../blob/index.ts';
import { BuildError } from '../errors/index.ts';
import type { Descriptor, Digest } from '../model/index.ts';
import { BlobReader } from './blobs.ts';
import { CacheStore } from './caches.ts';
import type { StoreContext } from './context.ts';
import { type Failpoint, noFailpoint } from './failpoint.ts';
import { BlobFetcher, type FetchOptions, type FetchOutcome, type IngestOptions } from './fetch.ts';
import { fileError, type RemoveTree } from './files.ts';
import { prepareHome } from './home.ts';
import { BlobWriter, sweepIngest, type Written } from './ingest.ts';
import { type CheckTree, measure, type StoreUsage, type VerifyReport, verify } from './inspect.ts';
import { acquireLease, type Lease, sweepLeases } from './lease.ts';
import { defaultLockTimeoutMs } from './lock.ts';
import { StorePaths } from './paths.ts';
import { type PruneOptions, type PruneReport, prune, sweep } from './prune.ts';
import { Records } from './records.ts';
import { RootfsStore } from './rootfs.ts';
import { createScratch, deadScratches, type Scratch } from './scratch.ts';

/** What a store takes from its surroundings. */
export interface StoreDeps {
  /** Lets tests fail, stall or kill at every write, fsync and rename. */
  readonly failpoint?: Failpoint;
  readonly now?: () => number;
  /** How long to wait for another process that makes what is wanted; an hour by default. */
  readonly lockTimeoutMs?: number;
  /** Writes everything of the file system that holds a path to the disk; runs `sync -f` by default. */
  readonly syncFileSystem?: (path: string) => Promise<void>;
}

/**
 * Opens the state directory and makes it if need be. Blobs that dead processes were writing are removed.
 *
 * @throws BuildError `STORE_FORMAT_UNSUPPORTED`, `CONFIG_INVALID`, `PERMISSION_DENIED`, `NO_SPACE`,
 * `IO_FAILED`
 */
export async function openStore(home: string, deps: StoreDeps = {}): Promise<Store> {
  const paths = new StorePaths(home);
  const failpoint = deps.failpoint ?? noFailpoint;
  try {
    const access = await prepareHome(paths);
    if (access === 'read-write') {
      await sweepIngest(paths);
      await sweepLeases(paths);
    }
    return new Store({
      paths,
      failpoint,
      now: deps.now ?? Date.now,
      lockTimeoutMs: deps.lockTimeoutMs ?? defaultLockTimeoutMs,
      readOnly: access === 'read-only',
      syncFileSystem: deps.syncFileSystem ?? syncFileSystem,
    });
  } catch (error) {
    throw await fileError(error, `cannot open the local store in ${home}`, home);
  }
}

/** An opened store; made by {@link openStore}, to be disposed of. */
export class Store implements BlobSource, BlobSink, AsyncDisposable {
  /** Flattened root file systems of builder images. */
  readonly rootfs: RootfsStore;
  /** Directories that scripts keep between builds. */
  readonly caches: CacheStore;
  /** Small records that make later runs faster. */
  readonly records: Records;
  /** Where everything lies. */
  readonly paths: StorePaths;
  readonly #context: StoreContext;
  readonly #reader: BlobReader;
  readonly #writer: BlobWriter;
  readonly #fetcher: BlobFetcher;

  constructor(context: StoreContext) {
    this.#context = context;
    this.paths = context.paths;
    this.rootfs = new RootfsStore(context);
    this.caches = new CacheStore(context);
    this.records = new Records(context);
    this.#reader = new BlobReader(context);
    this.#writer = new BlobWriter(context.paths, context);
    this.#fetcher = new BlobFetcher(context, this.#reader, this.#writer);
  }

  /** Whether the store can only be read; hits work then, and everything else is `PERMISSION_DENIED`. */
  get readOnly(): boolean {
    return this.#context.readOnly;
  }

  /** Tells whether a file lies under the digest's name; its content is checked when it is used. */
  has(digest: Digest): Promise<boolean> {
    return this.#reader.has(digest);
  }

  /** Tells whether a file of the right size lies under the digest's name, and notes that it is used. */
  looksWhole(descriptor: Pick<Descriptor, 'digest' | 'size'>): Promise<boolean> {
    return this.#reader.looksWhole(descriptor);
  }

  /**
   * Returns the file of a blob after verifying its content.
   *
   * @throws BuildError `BLOB_NOT_FOUND`, `STORE_DAMAGED` after setting a damaged one aside
   */
  pathOf(digest: Digest): Promise<string> {
    return this.#reader.pathOf(digest);
  }

  /**
   * Opens a blob whose content has been verified; the stream stays valid when the blob is evicted.
   *
   * @throws BuildError `BLOB_NOT_FOUND`, `STORE_DAMAGED`, `SIZE_MISMATCH`
   */
  open(descriptor: Pick<Descriptor, 'digest' | 'size'>): Promise<Readable> {
    return this.#reader.open(descriptor);
  }

  /** Makes a blob present; as {@link fetch}, for use as a sink. */
  async put(descriptor: Descriptor, open: OpenBlob, options: PutOptions = {}): Promise<PutOutcome> {
    const outcome = await this.#fetcher.fetch(descriptor, open, options);
    return outcome === 'present' ? 'present' : 'uploaded';
  }

  /**
   * Writes a content whose digest need not be known before. Consumes `body`, or destroys it.
   *
   * @throws BuildError `SIZE_MISMATCH`, `DIGEST_MISMATCH`, `NO_SPACE`, `PERMISSION_DENIED`, `IO_FAILED`;
   * what the body fails with; the signal's reason. Nothing stays behind.
   */
  ingest(body: Readable, options: IngestOptions = {}, signal?: AbortSignal): Promise<Written> {
    return this.#fetcher.ingest(body, options, signal);
  }

  /**
   * Makes a blob of `source` present and verified: one download among all tasks and processes, others wait
   * for it. A damaged copy is set aside and fetched again.
   *
   * @throws BuildError of the source, of {@link ingest}, `LOCK_TIMEOUT`; the signal's reason
   */
  fetch(
    descriptor: Descriptor,
    source: BlobSource,
    options: FetchOptions = {},
  ): Promise<FetchOutcome> {
    return this.#fetcher.fetch(descriptor, (signal) => source.open(descriptor, signal), options);
  }

  /** Begins a lease; name things in it before looking for them, and {@link prune} leaves them alone. */
  acquireLease(): Promise<Lease> {
    return acquireLease(this.#context);
  }

  /** Makes a private directory for a build, swept by later processes should this one be killed. */
  createScratch(): Promise<Scratch> {
    this.#refuseReadOnly('make a directory for the build');
    return createScratch(this.#context);
  }

  /** Lists the scratch directories whose owner is gone. */
  deadScratches(): Promise<readonly string[]> {
    return deadScratches(this.#context);
  }

  /** Removes what killed processes left: scratch directories, half-built and evicted trees, partial blobs. */
  sweep(removeTree: RemoveTree): Promise<void> {
    return sweep(this.#context, this, removeTree);
  }

  /** Evicts what no living lease names, least recently used first, and does what {@link sweep} does. */
  async prune(options: PruneOptions = {}): Promise<PruneReport> {
    this.#refuseReadOnly('prune the local store');
    return prune(this.#context, this, options);
  }

  /**
   * Hashes every blob again and sets aside what is not right, as are incomplete root file systems and those with which
   * `checkTree` finds something wrong.
   */
  verify(signal?: AbortSignal, checkTree?: CheckTree): Promise<VerifyReport> {
    return verify(this.#context, this.#reader, { store: this.rootfs, checkTree }, signal);
  }

  /** Measures what the state takes on the disk. */
  df(): Promise<StoreUsage> {
    return measure(this.#context, this);
  }

  /** Ends this process's use of the store. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fetcher.close();
    await this.#writer.close();
  }

  #refuseReadOnly(doing: string): void {
    if (!this.readOnly) return;
    throw new BuildError('PERMISSION_DENIED', `cannot ${doing}: ${this.paths.home} is read-only`, {
      origin: 'local',
      suggestion: 'set S2OCI_HOME to a directory that you may write to',
    });
  }
}

async function syncFileSystem(path: string): Promise<void> {
  const child = spawn('sync', ['-f', '--', path], { stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new BuildError('IO_FAILED', `sync of ${path} ended with ${code}`);
}
