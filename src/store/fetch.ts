/**
 * Making blobs present: one download for each blob at a time, among the tasks of this process and among
 * processes. Whoever comes second waits and finds it there.
 */

import type { Readable } from 'node:stream';
import { type OpenBlob, sizeMismatch, takeUnverified } from '../blob/index.ts';
import { BuildError } from '../errors/index.ts';
import { type Descriptor, type Digest, hexOf } from '../model/index.ts';
import type { BlobReader } from './blobs.ts';
import type { StoreContext } from './context.ts';
import type { BlobWriter, Written } from './ingest.ts';
import { acquireLease, type Lease } from './lease.ts';
import { type OnWait, withLock } from './lock.ts';

/** Who waits for a blob and what protects it. */
export interface FetchOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the count of bytes received so far; starts again from 0 when a download is restarted. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
  /** What protects the blob from eviction; without one, it stays as long as this store is open. */
  readonly lease?: Lease | undefined;
  /** Called when another process has been downloading the blob for more than a second. */
  readonly onWait?: OnWait | undefined;
}

/** What is known of a content before it is written. */
export interface IngestOptions {
  readonly digest?: Digest | undefined;
  readonly size?: number | undefined;
  /** What protects the blob from eviction; without one, it stays as long as this store is open. */
  readonly lease?: Lease | undefined;
}

/** Whether bytes had to be moved. */
export type FetchOutcome = 'present' | 'fetched';

interface Flight {
  readonly outcome: Promise<FetchOutcome>;
  readonly signal: AbortSignal | undefined;
}

/** Fetches and ingests blobs on behalf of one process. */
export class BlobFetcher {
  readonly #context: StoreContext;
  readonly #reader: BlobReader;
  readonly #writer: BlobWriter;
  #lease: Promise<Lease> | undefined;
  readonly #flights = new Map<Digest, Flight>();

  constructor(context: StoreContext, reader: BlobReader, writer: BlobWriter) {
    this.#context = context;
    this.#reader = reader;
    this.#writer = writer;
  }

  /** Makes a blob present and right; see `Store.fetch`. */
  async fetch(
    descriptor: Descriptor,
    open: OpenBlob,
    options: FetchOptions,
  ): Promise<FetchOutcome> {
    const { digest } = descriptor;
    const { signal } = options;
    await (options.lease ?? (await this.#ownLease())).add([digest]);
    for (;;) {
      signal?.throwIfAborted();
      const flight = this.#flights.get(digest);
      if (flight === undefined) return this.#lead(descriptor, open, options);
      try {
        await unlessAborted(flight.outcome, signal);
      } catch (error) {
        // The other task gave up, not the source: it is this task's turn.
        if (flight.signal?.aborted !== true) throw error;
      }
      if ((await this.#present(descriptor)) && !this.#flights.has(digest)) return 'present';
    }
  }

  /** Writes a content whose digest need not be known before; see `Store.ingest`. */
  async ingest(body: Readable, options: IngestOptions, signal?: AbortSignal): Promise<Written> {
    const { digest, size } = options;
    this.#refuseReadOnly();
    const lease = options.lease ?? (await this.#ownLease());
    const written = await this.#writer.write(body, {
      digest,
      size,
      signal,
      // Named before it appears: nobody can evict it in between.
      beforeCommit: (actual) => lease.add([actual]),
    });
    await this.#reader.trust(written.digest);
    return written;
  }

  /** Gives up what protects the blobs that were fetched and written without a lease. */
  async close(): Promise<void> {
    const lease = await this.#lease?.catch(() => undefined);
    await lease?.release();
  }

  #ownLease(): Promise<Lease> {
    this.#lease ??= acquireLease(this.#context).catch((error) => {
      this.#lease = undefined;
      throw error;
    });
    return this.#lease;
  }

  async #lead(
    descriptor: Descriptor,
    open: OpenBlob,
    options: FetchOptions,
  ): Promise<FetchOutcome> {
    const outcome = this.#fetchAlone(descriptor, open, options).finally(() => {
      this.#flights.delete(descriptor.digest);
    });
    this.#flights.set(descriptor.digest, { outcome, signal: options.signal });
    return outcome;
  }

  async #fetchAlone(
    descriptor: Descriptor,
    open: OpenBlob,
    { signal, onProgress, onWait }: FetchOptions,
  ): Promise<FetchOutcome> {
    if (await this.#present(descriptor)) return 'present';
    this.#refuseReadOnly();
    const { digest, size } = descriptor;
    const lockOptions = {
      signal,
      onWait,
      timeoutMs: this.#context.lockTimeoutMs,
      what: `the download of ${digest}`,
    };
    return withLock(this.#context.paths.lock('blob', hexOf(digest)), lockOptions, async () => {
      if (await this.#present(descriptor)) return 'present';
      const stream = await open(signal);
      const body = takeUnverified(stream, descriptor) ?? stream;
      await this.#writer.write(body, { digest, size, signal, onProgress });
      await this.#reader.trust(digest);
      return 'fetched';
    });
  }

  async #present({ digest, size }: Descriptor): Promise<boolean> {
    const found = await this.#reader.check(digest);
    if (found.state !== 'good') return false;
    if (found.size !== size) throw sizeMismatch(digest, size, found.size);
    return true;
  }

  #refuseReadOnly(): void {
    if (!this.#context.readOnly) return;
    throw new BuildError(
      'PERMISSION_DENIED',
      `cannot store a blob: ${this.#context.paths.home} is read-only`,
      { origin: 'local', suggestion: 'set S2OCI_HOME to a directory that you may write to' },
    );
  }
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
