/**
 * Classifies the errors of sockets, name resolution, TLS and undici by their codes.
 */

import { type FailureKind, RequestFailure } from './failure.ts';
import type { HttpRequest } from './types.ts';

/** The code of the error with which the connect-time address check refuses a resolved name. */
export const addressRefusedCode = 'ERR_ADDRESS_REFUSED';

const kindOfCode: Readonly<Record<string, FailureKind>> = {
  [addressRefusedCode]: 'refused',
  ECONNREFUSED: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETDOWN: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ETIMEDOUT: 'unreachable',
  EAI_AGAIN: 'unreachable',
  UND_ERR_CONNECT_TIMEOUT: 'unreachable',
  // A proxy that refused to open a tunnel.
  UND_ERR_ABORTED: 'unreachable',
  ENOTFOUND: 'unknown-host',
  EAI_FAIL: 'unknown-host',
  ECONNRESET: 'broken',
  EPIPE: 'broken',
  ECONNABORTED: 'broken',
  ERR_STREAM_PREMATURE_CLOSE: 'broken',
  UND_ERR_SOCKET: 'broken',
  UND_ERR_CLOSED: 'broken',
  UND_ERR_DESTROYED: 'broken',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'broken',
  UND_ERR_HEADERS_TIMEOUT: 'stalled',
  UND_ERR_BODY_TIMEOUT: 'stalled',
  UND_ERR_HEADERS_OVERFLOW: 'protocol',
  ERR_SSL_WRONG_VERSION_NUMBER: 'plain',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'plain',
  ERR_SSL_HTTP_REQUEST: 'plain',
  EPROTO: 'untrusted',
};

/**
 * Turns a transport's error into a failure. Failures, and the reason of an aborted signal, pass through
 * unchanged; so does what is no network error.
 */
export function failureOf(thrown: unknown, request: HttpRequest): unknown {
  if (thrown instanceof RequestFailure) return thrown;
  if (request.signal.aborted) return request.signal.reason;
  if (!(thrown instanceof Error)) return thrown;
  const { method, url } = request;
  // Its data is a piece of the answer, which nobody has checked for secrets: it is not kept as a cause.
  if (thrown.name === 'HTTPParserError') {
    return new RequestFailure('protocol', thrown.message, { method, url });
  }
  const code = codeOf(thrown);
  const kind = code === undefined ? undefined : kindOf(code);
  if (kind === undefined) return thrown;
  return new RequestFailure(kind, describe(thrown, code ?? ''), { method, url, cause: thrown });
}

function kindOf(code: string): FailureKind | undefined {
  const known = kindOfCode[code];
  if (known !== undefined) return known;
  return /^(ERR_SSL|ERR_TLS|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/.test(
    code,
  )
    ? 'untrusted'
    : undefined;
}

/** Finds the code of an error or of what caused it; several connection attempts count as their first. */
function codeOf(error: Error): string | undefined {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) {
    return codeOf(error.errors[0]);
  }
  const { code } = error as NodeJS.ErrnoException;
  const cause = error.cause instanceof Error ? codeOf(error.cause) : undefined;
  if (code === undefined || code === 'UND_ERR_SOCKET') return cause ?? code;
  return code;
}

function describe(error: Error, code: string): string {
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  const text = inner instanceof Error && inner.message !== '' ? inner.message : error.name;
  return text.includes(code) ? text : `${text} (${code})`;
}
