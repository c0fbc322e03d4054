/**
 * How the threads of this folder tell of failures. Nothing is imported here that a thread does not need: loading
 * modules is what takes longest when one starts.
 */

import { asBuildError, type SerializedError } from '../errors/index.ts';

/** What a worker reports when it fails. */
export interface FailureMessage {
  readonly kind: 'failed';
  readonly error: SerializedError;
}

/** Describes anything thrown in a worker for the thread that started it. */
export function failureMessage(thrown: unknown): FailureMessage {
  return { kind: 'failed', error: asBuildError(thrown).toJSON() };
}
