/**
 * The threads that file-system work is done on. Calls per file are synchronous there, which is several
 * times faster than promises, and nothing else waits for them.
 */

import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { asBuildError, BuildError, deserializeError } from '../errors/index.ts';
import type { FailureMessage } from './thread-work.ts';

/** Size of the buffers that travel between threads. */
export const bufferSize = 2 ** 20;

/**
 * Memory of a thread. Short-lived garbage is little; names are what counts, and hostile layers have many: half a
 * million in a megabyte of gzip. With the table of inodes and all the rest, a process stays below 300 MiB.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 128 };

/**
 * Starts the worker whose entry file stands at a path relative to this folder, without extension, such
 * as `apply/worker`; sources and compiled files alike. There, `workerData` is its work.
 */
export function startWorker<Work>(entry: string, workerData: Work): Worker {
  const url = new URL(`./${entry}${extname(import.meta.url)}`, import.meta.url);
  return new Worker(url, { workerData, resourceLimits });
}

/** Rejects when the worker fails, reports a failure or ends; never resolves. */
export function failureOf(worker: Worker): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  worker.on('error', (error) => reject(explain(error)));
  worker.on('exit', () => reject(new BuildError('INTERNAL', 'a worker thread ended unexpectedly')));
  worker.on('message', (message: FailureMessage | { readonly kind: string }) => {
    if (message.kind === 'failed') reject(deserializeError((message as FailureMessage).error));
  });
  promise.catch(() => {});
  return promise;
}

function explain(error: Error): BuildError {
  if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_OUT_OF_MEMORY')
    return asBuildError(error);
  return new BuildError(
    'LIMIT_EXCEEDED',
    `image has more names and attributes than fit into ${resourceLimits.maxOldGenerationSizeMb} MB`,
    {
      cause: error,
      suggestion: 'use an image with fewer files, shorter names or fewer extended attributes',
    },
  );
}
