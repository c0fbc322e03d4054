/**
 * Which token servers are asked, and which of them are told a password.
 *
 * A registry names its token server itself, so a realm is untrusted input: it must use HTTPS (unless the
 * registry does not), carry no user information, and gets credentials only when its host plainly belongs
 * to the registry or the user allowed it (security reference R01).
 */

import { isLoopbackHost } from '../http/address.ts';
import { RequestFailure } from '../http/failure.ts';

/** Token servers of public registries that live under another domain. */
const knownRealms: Readonly<Record<string, readonly string[]>> = {
  'docker.io': ['auth.docker.io'],
};

/**
 * Reads a realm.
 *
 * @param base the registry's own URL
 * @throws RequestFailure `refused` or `protocol`
 */
export function parseRealm(text: string, base: URL): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new RequestFailure('protocol', `the registry names no usable token server: ${text}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new RequestFailure('refused', 'the registry names a token server with user information');
  }
  if (url.protocol === 'http:' && base.protocol === 'https:') {
    throw new RequestFailure('refused', `the registry names a token server on plain HTTP: ${url}`);
  }
  return url;
}

/** Tells whether credentials for a registry may be sent to a realm. */
export function isTrustedRealm(
  registry: string,
  base: URL,
  realm: URL,
  allowed: Readonly<Record<string, readonly string[]>>,
): boolean {
  const host = realm.hostname.toLowerCase();
  const own = base.hostname.toLowerCase();
  if (host === own || (isLoopbackHost(host) && isLoopbackHost(own))) return true;
  const named = [...(knownRealms[registry] ?? []), ...(allowed[registry] ?? [])];
  return named.some((name) => name.toLowerCase() === host) || isSameDomain(host, own);
}

/** The parent domain of the registry's host, or a host below that; never a bare top-level domain. */
function isSameDomain(host: string, own: string): boolean {
  if (/^[\d.]+$/.test(own) || own.startsWith('[')) return false;
  const parent = own.split('.').slice(1);
  if (parent.length < 2) return false;
  const domain = parent.join('.');
  return !isPublicSuffix(parent) && (host === domain || host.endsWith(`.${domain}`));
}

/** A rough guard for suffixes under which strangers register, such as `co.uk`. */
function isPublicSuffix(labels: readonly string[]): boolean {
  const [second = '', top = ''] = labels.slice(-2);
  return labels.length === 2 && top.length === 2 && second.length <= 3;
}
