/**
 * The one error type that crosses module boundaries.
 *
 * Messages read "what failed: why"; what to do about it stands in `suggestion`. Text is redacted when
 * the error is made. Anything else that is thrown is a bug and ends as code INTERNAL.
 */

import { type ErrorCode, exitCodeOf } from './codes.ts';
import { redact } from './redact.ts';

/** Which side of the build an error comes from. */
export type ErrorOrigin = 'source' | 'destination' | 'builder' | 'runtime' | 'local';

/** What an error carries besides its code and message. */
export interface BuildErrorOptions {
  /** What the user can do about it, a sentence without trailing newline. */
  readonly suggestion?: string;
  /** The phase of the build in which it happened; filled in by the pipeline when absent. */
  readonly phase?: string;
  readonly origin?: ErrorOrigin;
  /** Whether the same command may succeed when it is simply run again. */
  readonly retryable?: boolean;
  /** Facts for the JSON result: child exit codes, sizes, limits. Must hold no secrets. */
  readonly details?: Readonly<Record<string, string | number | boolean>>;
  readonly cause?: unknown;
}

/** An expected failure, with a stable code, an exit code and advice. */
export class BuildError extends Error {
  override readonly name = 'BuildError';
  readonly code: ErrorCode;
  readonly suggestion: string | undefined;
  readonly origin: ErrorOrigin | undefined;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, string | number | boolean>>;
  /** Set once by the pipeline when the thrower did not know it. */
  phase: string | undefined;

  constructor(code: ErrorCode, message: string, options: BuildErrorOptions = {}) {
    super(redact(message), options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.suggestion = options.suggestion === undefined ? undefined : redact(options.suggestion);
    this.origin = options.origin;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
    this.phase = options.phase;
  }

  /** The process exit code that this error ends a command with. */
  get exitCode(): number {
    return exitCodeOf(this.code);
  }

  /** A plain value for logs, `--metadata-file` and messages between processes. */
  toJSON(): SerializedError {
    return {
      code: this.code,
      message: this.message,
      exitCode: this.exitCode,
      retryable: this.retryable,
      ...(this.phase === undefined ? {} : { phase: this.phase }),
      ...(this.origin === undefined ? {} : { origin: this.origin }),
      ...(this.suggestion === undefined ? {} : { suggestion: this.suggestion }),
      ...(Object.keys(this.details).length === 0 ? {} : { details: this.details }),
    };
  }
}

/** The JSON form of a {@link BuildError}. */
export interface SerializedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly exitCode: number;
  readonly retryable: boolean;
  readonly phase?: string;
  readonly origin?: ErrorOrigin;
  readonly suggestion?: string;
  readonly details?: Readonly<Record<string, string | number | boolean>>;
}

/** Rebuilds a {@link BuildError} from its JSON form, for errors that came from another process. */
export function deserializeError(json: SerializedError): BuildError {
  const { code, message, exitCode: _, ...options } = json;
  return new BuildError(code, message, options);
}

/**
 * Turns anything thrown into a {@link BuildError}: expected errors pass through, system errors
 * (`ENOSPC`, `EACCES`, `EROFS`, ...) become their codes, everything else is code INTERNAL.
 */
export function asBuildError(thrown: unknown): BuildError {
  if (thrown instanceof BuildError) return thrown;
  if (!(thrown instanceof Error))
    return new BuildError('INTERNAL', `unexpected value thrown: ${String(thrown)}`);
  return fromSystemError(thrown) ?? new BuildError('INTERNAL', thrown.message, { cause: thrown });
}

function fromSystemError(error: NodeJS.ErrnoException): BuildError | undefined {
  switch (error.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new BuildError('NO_SPACE', error.message, {
        cause: error,
        origin: 'local',
        suggestion: 'free space there, or point S2OCI_HOME or TMPDIR at a larger file system',
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new BuildError('PERMISSION_DENIED', error.message, { cause: error, origin: 'local' });
    case 'EIO':
    case 'EMFILE':
    case 'ENFILE':
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EISDIR':
    case 'EAGAIN':
      return new BuildError('IO_FAILED', error.message, { cause: error, origin: 'local' });
    default:
      return undefined;
  }
}
