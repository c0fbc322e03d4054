/**
 * Writing and hashing beside the thread that moves the bytes: chunks are handed over without being copied. On many
 * processors sha256 is slower than the network, and a pull that has a thread for it takes two thirds of the time.
 */

import type { FileHandle } from 'node:fs/promises';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { asBuildError, BuildError } from '../errors/index.ts';
import type { Digest, DigestAlgorithm } from '../model/index.ts';
import type { ContentWriter } from './content-writer.ts';
import { endChunk, handOver, transferable } from './spent.ts';

/** A message to the thread. */
export type WriteRequest =
  | { readonly kind: 'start'; readonly job: number; readonly algorithm: DigestAlgorithm }
  | {
      readonly kind: 'write';
      readonly job: number;
      readonly fd: number;
      readonly chunks: readonly Uint8Array[];
    }
  | { readonly kind: 'end' | 'drop'; readonly job: number };

/** The thread's answer to a write, or with the hexadecimal digest to the end. */
export interface WriteReply {
  readonly job: number;
  readonly hex?: string;
  /** What the file system said. */
  readonly failure?: { readonly code: string | undefined; readonly message: string };
}

/** Threads that write and hash; none is started before the first content comes. They keep a process alive only while they work. */
export class WriteThreads implements AsyncDisposable {
  readonly #limit: number;
  readonly #threads: WriteThread[] = [];
  #next = 0;

  /** @param limit how many threads there may be */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Begins a content on the thread that has waited longest. The file stays open until the writer is dropped. */
  writer(file: FileHandle, algorithm: DigestAlgorithm): ContentWriter {
    const index = this.#next % this.#limit;
    this.#next += 1;
    const known = this.#threads[index];
    const thread = known === undefined || known.hasFailed ? new WriteThread() : known;
    this.#threads[index] = thread;
    return thread.writer(file.fd, algorithm);
  }

  /** Ends the threads; contents that are still written fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.splice(0).map((thread) => thread.close()));
  }
}

interface Waiting {
  readonly resolve: (hex: string) => void;
  readonly reject: (error: unknown) => void;
}

class WriteThread {
  readonly #worker: Worker;
  /** Open calls by job; the thread answers those of a job in order. */
  readonly #jobs = new Map<number, Waiting[]>();
  #lastJob = 0;
  #open = 0;
  #failure: BuildError | undefined;

  constructor() {
    const url = new URL(`./write-worker${extname(import.meta.url)}`, import.meta.url);
    this.#worker = new Worker(url, { resourceLimits: { maxYoungGenerationSizeMb: 4 } });
    this.#worker.unref();
    this.#worker.on('message', (reply: WriteReply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#fail(asBuildError(error)));
    this.#worker.on('exit', () => this.#fail(new BuildError('INTERNAL', 'a thread ended')));
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  writer(fd: number, algorithm: DigestAlgorithm): ContentWriter {
    this.#lastJob += 1;
    const job = this.#lastJob;
    this.#jobs.set(job, []);
    this.#worker.postMessage({ kind: 'start', job, algorithm } satisfies WriteRequest);
    let last: Promise<unknown> = Promise.resolve();
    const ask = (request: WriteRequest) => {
      const answer = this.#ask(request);
      last = answer.catch(() => {});
      return answer;
    };
    return {
      write: async (chunks) => {
        const given = chunks.map(handOver);
        await ask({ kind: 'write', job, fd, chunks: given });
        given.forEach(endChunk);
      },
      digest: async () => `${algorithm}:${await ask({ kind: 'end', job })}` as Digest,
      drop: async () => {
        await last;
        if (this.#jobs.delete(job)) this.#worker.postMessage({ kind: 'drop', job });
      },
    };
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(request: WriteRequest): Promise<string> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#jobs.get(request.job)?.push({ resolve, reject });
    const buffers = request.kind === 'write' ? transferable(request.chunks) : [];
    this.#worker.postMessage(request, buffers);
    this.#open += 1;
    this.#worker.ref();
    return promise;
  }

  #settle({ job, hex = '', failure }: WriteReply): void {
    // Only an open call keeps the process alive.
    this.#open -= 1;
    if (this.#open === 0) this.#worker.unref();
    const waiting = this.#jobs.get(job)?.shift();
    if (failure === undefined) waiting?.resolve(hex);
    else waiting?.reject(Object.assign(new Error(failure.message), { code: failure.code }));
  }

  #fail(error: BuildError): void {
    this.#failure ??= error;
    for (const { reject } of [...this.#jobs.values()].flat()) reject(this.#failure);
    this.#jobs.clear();
  }
}
