/** Typed errors: codes, exit codes, suggestions, redaction. */

export type { BuildErrorOptions, ErrorOrigin, SerializedError } from './build-error.ts';
export { asBuildError, BuildError, deserializeError } from './build-error.ts';
export type { ErrorCode } from './codes.ts';
export { errorCodes, exitCodeOf } from './codes.ts';
export { nearest } from './nearest.ts';
export { redact } from './redact.ts';
