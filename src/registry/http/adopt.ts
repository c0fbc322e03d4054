/**
 * Taking over a URL that a registry gave for the next step of a protocol: upload locations, next pages.
 */

import { RequestFailure } from './failure.ts';
import type { HttpMethod } from './types.ts';

/**
 * Reads a URL relative to the one that gave it.
 *
 * A registry behind a proxy may forget that it is spoken to by HTTPS: plain HTTP on its own host is put
 * right. Any other step down from HTTPS is refused, as are user information and other schemes.
 *
 * @param what names the URL in messages, such as `upload location`
 * @throws RequestFailure `protocol` or `refused`
 */
export function adoptUrl(
  text: string | undefined,
  from: { readonly url: URL; readonly method: HttpMethod; readonly status: number },
  what: string,
): URL {
  const { url, method, status } = from;
  if (text === undefined || !URL.canParse(text, url.href)) {
    throw new RequestFailure('protocol', `the registry gave no usable ${what}`, from);
  }
  const target = new URL(text, url);
  const refuse = (why: string): never => {
    throw new RequestFailure('refused', `the registry gave a ${what} ${why}`, {
      url,
      method,
      status,
    });
  };
  if (target.username !== '' || target.password !== '') refuse('with user information');
  if (!/^https?:$/.test(target.protocol)) refuse(`of ${target.protocol}`);
  if (url.protocol !== 'https:' || target.protocol === 'https:') return target;
  if (target.hostname !== url.hostname) refuse(`on plain HTTP at ${target.host}`);
  target.protocol = 'https:';
  if (target.port === '') target.port = url.port;
  return target;
}
