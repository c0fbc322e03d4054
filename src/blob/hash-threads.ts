/**
 * Hashing beside the thread that moves the bytes: on most processors sha256 is slower than the network, and
 * on two cores a pull is a quarter faster when it has a thread of its own.
 */

import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { asBuildError, BuildError } from '../errors/index.ts';
import { type Digest, type DigestAlgorithm, finishDigest } from '../model/index.ts';

/** A running hash. Calls are made one after the other. */
export interface ContentHash {
  /** Hashes bytes, which must not change until the promise settles. */
  update(bytes: Uint8Array): Promise<void>;
  /** Ends the hash. */
  digest(): Promise<Digest>;
  /** Gives the hash up; harmless after its end. */
  drop(): void;
}

/** A message to the thread. */
export type HashRequest =
  | { readonly kind: 'start'; readonly job: number; readonly algorithm: DigestAlgorithm }
  | { readonly kind: 'update'; readonly job: number; readonly bytes: Uint8Array }
  | { readonly kind: 'end' | 'drop'; readonly job: number };

/** The thread's answer to an update, or with the hexadecimal digest to the end. */
export interface HashReply {
  readonly job: number;
  readonly hex?: string;
}

/** Hashes in the calling thread, for what is small. */
export function hashHere(algorithm: DigestAlgorithm): ContentHash {
  const hash = createHash(algorithm);
  return {
    update: async (bytes) => void hash.update(bytes),
    digest: async () => finishDigest(hash, algorithm),
    drop: () => {},
  };
}

/** Threads that hash; none is started before the first content comes. They keep a process alive only while they work. */
export class HashThreads implements AsyncDisposable {
  readonly #limit: number;
  readonly #threads: HashThread[] = [];
  #next = 0;

  /** @param limit how many threads there may be */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Begins a hash on the thread that has waited longest. What is passed to it should be shared memory. */
  hash(algorithm: DigestAlgorithm): ContentHash {
    const index = this.#next % this.#limit;
    this.#next += 1;
    const known = this.#threads[index];
    const thread = known === undefined || known.hasFailed ? new HashThread() : known;
    this.#threads[index] = thread;
    return thread.hash(algorithm);
  }

  /** Ends the threads; hashes that still run fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.splice(0).map((thread) => thread.close()));
  }
}

interface Waiting {
  readonly resolve: (hex: string) => void;
  readonly reject: (error: unknown) => void;
}

class HashThread {
  readonly #worker: Worker;
  /** Open calls by job; the thread answers those of a job in order. */
  readonly #jobs = new Map<number, Waiting[]>();
  #lastJob = 0;
  #open = 0;
  #failure: BuildError | undefined;

  constructor() {
    const url = new URL(`./hash-worker${extname(import.meta.url)}`, import.meta.url);
    this.#worker = new Worker(url, { resourceLimits: { maxYoungGenerationSizeMb: 4 } });
    this.#worker.unref();
    this.#worker.on('message', ({ job, hex = '' }: HashReply) => {
      this.#closeCall();
      this.#jobs.get(job)?.shift()?.resolve(hex);
    });
    this.#worker.on('error', (error) => this.#fail(asBuildError(error)));
    this.#worker.on('exit', () => this.#fail(new BuildError('INTERNAL', 'a hash thread ended')));
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  hash(algorithm: DigestAlgorithm): ContentHash {
    this.#lastJob += 1;
    const job = this.#lastJob;
    this.#jobs.set(job, []);
    this.#worker.postMessage({ kind: 'start', job, algorithm } satisfies HashRequest);
    return {
      update: async (bytes) => void (await this.#ask({ kind: 'update', job, bytes })),
      digest: async () => {
        const hex = await this.#ask({ kind: 'end', job });
        this.#jobs.delete(job);
        return `${algorithm}:${hex}` as Digest;
      },
      drop: () => {
        if (this.#jobs.delete(job)) this.#worker.postMessage({ kind: 'drop', job });
      },
    };
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(request: HashRequest): Promise<string> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#jobs.get(request.job)?.push({ resolve, reject });
    this.#worker.postMessage(request);
    this.#open += 1;
    this.#worker.ref();
    return promise;
  }

  /** Only an open call keeps the process alive. */
  #closeCall(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#worker.unref();
  }

  #fail(error: BuildError): void {
    this.#failure ??= error;
    for (const { reject } of [...this.#jobs.values()].flat()) reject(this.#failure);
    this.#jobs.clear();
  }
}
