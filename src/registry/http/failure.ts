/**
 * Why one attempt at a request failed, before it is decided whether to try again.
 *
 * Failures stay inside the registry client: the retry layer either repeats the work or turns the last
 * failure into a BuildError.
 */

import { type ErrorCode, redact } from '../../errors/index.ts';
import { displayText } from '../../model/index.ts';
import type { HttpMethod } from './types.ts';

/**
 * The kinds of failure.
 *
 * - `unreachable`: no connection (refused, timed out, name server trouble)
 * - `unknown-host`: the name does not exist
 * - `broken`: the connection ended or reset under way, or the body was cut
 * - `stalled`: too few bytes for too long, or no answer
 * - `plain`: the other side does not speak TLS
 * - `untrusted`: its certificate is not acceptable
 * - `status`: an answer with an unwelcome status
 * - `protocol`: an answer that makes no sense
 * - `corrupt`: content that is not what its digest or size says
 * - `refused`: we do not send this request
 */
export type FailureKind =
  | 'unreachable'
  | 'unknown-host'
  | 'broken'
  | 'stalled'
  | 'plain'
  | 'untrusted'
  | 'status'
  | 'protocol'
  | 'corrupt'
  | 'refused';

/** One entry of the `errors` list of a registry's answer (distribution-spec, "Error Codes"). */
export interface RegistryErrorEntry {
  readonly code: string;
  readonly message: string;
  /** The digest that the entry is about, when it names one. */
  readonly digest?: string;
}

/** Facts about a failed attempt. */
export interface FailureOptions {
  readonly method?: HttpMethod | undefined;
  /** Where the request went; only its host is kept, the rest may be signed. */
  readonly url?: URL | undefined;
  readonly host?: string | undefined;
  readonly status?: number | undefined;
  readonly errors?: readonly RegistryErrorEntry[] | undefined;
  /** Milliseconds that the server asked us to wait. */
  readonly retryAfter?: number | undefined;
  /** The error code that the user sees, where the kind does not give it. */
  readonly code?: ErrorCode | undefined;
  readonly suggestion?: string | undefined;
  readonly cause?: unknown;
}

/** A failed attempt. The message says why, without naming the operation. */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure';
  readonly kind: FailureKind;
  readonly method: HttpMethod | undefined;
  readonly host: string | undefined;
  readonly status: number | undefined;
  readonly errors: readonly RegistryErrorEntry[];
  readonly retryAfter: number | undefined;
  readonly code: ErrorCode | undefined;
  readonly suggestion: string | undefined;

  constructor(kind: FailureKind, message: string, options: FailureOptions = {}) {
    super(
      redact(displayText(message)),
      options.cause === undefined ? {} : { cause: options.cause },
    );
    this.kind = kind;
    this.method = options.method;
    this.host = options.host ?? options.url?.host;
    this.status = options.status;
    this.errors = options.errors ?? [];
    this.retryAfter = options.retryAfter;
    this.code = options.code;
    this.suggestion = options.suggestion;
  }

  /** Tells whether the registry's answer carries one of these error codes. */
  hasCode(...codes: readonly string[]): boolean {
    return this.errors.some(({ code }) => codes.includes(code));
  }
}

/** Says whether something thrown is a failure with one of these statuses. */
export function isStatus(
  thrown: unknown,
  ...statuses: readonly number[]
): thrown is RequestFailure {
  return thrown instanceof RequestFailure && statuses.includes(thrown.status ?? 0);
}
