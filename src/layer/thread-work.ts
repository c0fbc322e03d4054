/**
 * What the threads of this folder share on their own side: what they are started with, and how they tell of failures.
 *
 * A thread that comes to a failpoint (store/failpoint.ts) stands still and asks the thread that started it, where
 * the hits of the whole process are counted. Nothing is imported here that a thread does not need: loading modules
 * is what takes longest when one starts.
 */

import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { asBuildError, type SerializedError } from '../errors/index.ts';

/** Called at each place that can fail; throws when a test wants it. */
export type SyncFailpoint = (site: string) => void;

/** What a thread asks through at failpoints. */
export interface FailpointLine {
  readonly port: MessagePort;
  /** 1 when the answer is there. */
  readonly answered: Int32Array;
}

/** The answer: a failure as the disk could report it, or nothing. */
export type FailpointAnswer = { readonly code: string; readonly message: string } | undefined;

/** What a thread is started with; there is no line in production. */
export interface ThreadStart<Work> {
  readonly work: Work;
  readonly line: FailpointLine | undefined;
}

/** What a worker reports when it fails. */
export interface FailureMessage {
  readonly kind: 'failed';
  readonly error: SerializedError;
}

/** Returns, on a thread, what it is to do. */
export function threadWork<Work>(): { readonly work: Work; readonly failpoint: SyncFailpoint } {
  const { work, line } = workerData as ThreadStart<Work>;
  return { work, failpoint: line === undefined ? () => {} : asking(line) };
}

function asking({ port, answered }: FailpointLine): SyncFailpoint {
  return (site) => {
    Atomics.store(answered, 0, 0);
    port.postMessage(site);
    Atomics.wait(answered, 0, 0);
    const failure: FailpointAnswer = receiveMessageOnPort(port)?.message;
    if (failure !== undefined) throw Object.assign(new Error(failure.message), failure);
  };
}

/** Describes anything thrown in a worker for the thread that started it. */
export function failureMessage(thrown: unknown): FailureMessage {
  return { kind: 'failed', error: asBuildError(thrown).toJSON() };
}
