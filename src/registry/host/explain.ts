/**
 * Turns the last failure of an operation into the error that the user sees.
 */

import { BuildError, type ErrorCode } from '../../errors/index.ts';
import type { RequestFailure } from '../http/failure.ts';

/** What was tried, and how often. */
export interface Operation {
  /** Completes "cannot ...": such as `read the manifest of example.com/app:1`. */
  readonly what: string;
  /** The code for an answer of 404. */
  readonly notFound: ErrorCode;
  /** Attempts in a row, where fewer than usual are worth it. */
  readonly attempts?: number | undefined;
}

/** Makes the error for an operation that is given up after so many attempts. */
export function explainFailure(
  failure: RequestFailure,
  operation: Operation,
  given: { readonly attempts: number; readonly registry: string },
): BuildError {
  const { attempts, registry } = given;
  const request =
    failure.host === undefined
      ? ''
      : ` (${failure.method ?? 'GET'} ${failure.host}${tries(attempts)})`;
  const suggestion = failure.suggestion ?? suggestionFor(failure, registry);
  return new BuildError(
    failure.code ?? codeOf(failure, operation),
    `cannot ${operation.what}: ${failure.message}${request}`,
    {
      retryable: isTransient(failure),
      cause: failure,
      details: {
        attempts,
        ...(failure.status === undefined ? {} : { status: failure.status }),
        ...(failure.host === undefined ? {} : { host: failure.host }),
      },
      ...(suggestion === undefined ? {} : { suggestion }),
    },
  );
}

/** Tells whether the same request may succeed later. */
export function isTransient(failure: RequestFailure): boolean {
  switch (failure.kind) {
    case 'unreachable':
    case 'broken':
    case 'stalled':
      return true;
    case 'status':
      return (
        [408, 429, 499, 500, 502, 503, 504, 522].includes(failure.status ?? 0) ||
        failure.hasCode('TOOMANYREQUESTS', 'UNAVAILABLE')
      );
    case 'protocol':
      return failure.status !== undefined && failure.status < 400;
    default:
      return false;
  }
}

function tries(attempts: number): string {
  return attempts > 1 ? `, ${attempts} attempts` : '';
}

function codeOf(failure: RequestFailure, operation: Operation): ErrorCode {
  switch (failure.kind) {
    case 'unreachable':
    case 'unknown-host':
    case 'broken':
    case 'stalled':
      return 'REGISTRY_UNAVAILABLE';
    case 'plain':
    case 'untrusted':
      return 'TLS_UNTRUSTED';
    case 'protocol':
      return 'REGISTRY_PROTOCOL';
    case 'corrupt':
      return 'DIGEST_MISMATCH';
    case 'refused':
      return 'REGISTRY_REFUSED';
    case 'status':
      return codeOfStatus(failure, operation);
  }
}

function codeOfStatus(failure: RequestFailure, operation: Operation): ErrorCode {
  const status = failure.status ?? 0;
  if (status === 429 || failure.hasCode('TOOMANYREQUESTS')) return 'REGISTRY_RATE_LIMITED';
  if (status === 401) return 'REGISTRY_UNAUTHORIZED';
  if (status === 403 || failure.hasCode('DENIED', 'UNAUTHORIZED')) return 'REGISTRY_DENIED';
  if (status === 404) return operation.notFound;
  return status >= 500 ? 'REGISTRY_UNAVAILABLE' : 'REGISTRY_REFUSED';
}

function suggestionFor(failure: RequestFailure, registry: string): string | undefined {
  const host = failure.host ?? 'the registry';
  if (failure.kind === 'unknown-host') return 'check the name of the registry and the name servers';
  if (failure.kind === 'plain') {
    return `${host} does not speak HTTPS; if that is intended, name it with --insecure-registry ${host}`;
  }
  if (failure.kind === 'untrusted') {
    return `put the certificate authority of ${host} into certs.d/${host}/ca.crt, or name its file in SSL_CERT_FILE`;
  }
  if (failure.kind !== 'status') return undefined;
  if (failure.status === 401) return `log in with: s2oci login ${registry}`;
  if (failure.status === 403) return `check that the login for ${registry} may do this`;
  if (failure.status !== 429) return undefined;
  return `wait and try again, or log in with: s2oci login ${registry}`;
}
