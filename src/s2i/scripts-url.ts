/**
 * Where scripts come from: `image:///path`, `file:///path`, `http(s)://...`, to which `/name` is added.
 *
 * A location out of an image is not the user's word: it can name a path in that image, and a server only where
 * the user allows it, over https and with the digest of each script; it can never name a file of this
 * machine. Digests stand in the fragment: `https://host/bin#assemble=sha256:...&run=sha256:...`.
 */

import { BuildError, type ErrorCode } from '../errors/index.ts';
import { type Digest, displayText, isDigest } from '../model/index.ts';
import { parseContainerPath } from './container-path.ts';
import { type ScriptName, scriptNames } from './names.ts';

/** A parsed location of scripts. */
export type ScriptsUrl =
  | { readonly kind: 'image'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  | {
      readonly kind: 'http';
      /** Without fragment; may hold credentials, never to be shown. */
      readonly url: string;
      readonly digests: Readonly<Partial<Record<ScriptName, Digest>>>;
    };

/** Who gave the location. */
export interface ScriptsUrlOrigin {
  readonly from: 'user' | 'image';
  /** Such as `--scripts-url`. */
  readonly what: string;
  /** Whether an image may name a server; a user always may. */
  readonly allowRemote?: boolean;
  /** The scripts that an image must give the digests of when it names a server; assemble and run unless said. */
  readonly pinned?: readonly ScriptName[];
}

/**
 * Parses a location of scripts.
 *
 * @throws BuildError `USAGE_INVALID` (from the user), `BUILDER_INVALID` (from the image)
 */
export function parseScriptsUrl(text: string, origin: ScriptsUrlOrigin): ScriptsUrl {
  if (/[\u0000-\u0020\u007f]/.test(text))
    refuse(text, origin, 'it holds space or a control character');
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text)?.[1]?.toLowerCase();
  switch (scheme) {
    case 'image':
      return imageUrl(text, origin);
    case 'file':
      return fileUrl(text, origin);
    case 'http':
    case 'https':
      return httpUrl(text, origin);
    default:
      return refuse(text, origin, 'scripts can be at image://, file://, http:// and https:// only');
  }
}

/** The address of one script. */
export function scriptAddress(
  url: Extract<ScriptsUrl, { kind: 'http' }>,
  name: ScriptName,
): string {
  const address = new URL(url.url);
  address.pathname = `${address.pathname.replace(/\/$/, '')}/${name}`;
  return address.href;
}

function imageUrl(text: string, origin: ScriptsUrlOrigin): ScriptsUrl {
  const path = text.slice('image://'.length);
  const { what } = origin;
  return {
    kind: 'image',
    path: parseContainerPath(path, {
      what,
      code: codeOf(origin),
      suggestion: suggestionFor(origin),
    }),
  };
}

/** Host and path together are the path, so that `file://scripts` is a directory below the current one. */
function fileUrl(text: string, origin: ScriptsUrlOrigin): ScriptsUrl {
  if (origin.from === 'image') refuse(text, origin, 'an image cannot name files of this machine');
  const path = text.slice('file://'.length).replace(/\/$/, '');
  if (path === '') refuse(text, origin, 'it names no directory');
  return { kind: 'file', path };
}

function httpUrl(text: string, origin: ScriptsUrlOrigin): ScriptsUrl {
  const url = URL.parse(text) ?? refuse(text, origin, 'its host or port is not valid');
  const digests = parseDigests(text, url.hash.slice(1), origin);
  url.hash = '';
  if (origin.from === 'image') {
    if (origin.allowRemote !== true)
      refuse(text, origin, 'an image cannot name a server for scripts unless that is allowed');
    if (url.protocol !== 'https:') refuse(text, origin, 'only https is accepted from an image');
    const pinned: readonly ScriptName[] = origin.pinned ?? ['assemble', 'run'];
    if (pinned.some((name) => digests[name] === undefined))
      refuse(text, origin, `it lacks the digests of ${pinned.join(' and ')}`);
  }
  return { kind: 'http', url: url.href, digests };
}

function parseDigests(
  text: string,
  fragment: string,
  origin: ScriptsUrlOrigin,
): Partial<Record<ScriptName, Digest>> {
  const result: Partial<Record<ScriptName, Digest>> = {};
  for (const [name, digest] of new URLSearchParams(fragment)) {
    const known = scriptNames.find((candidate) => candidate === name);
    if (known === undefined || !isDigest(digest))
      refuse(text, origin, 'its fragment is not a list of name=digest');
    result[known] = digest;
  }
  return result;
}

function codeOf(origin: ScriptsUrlOrigin): ErrorCode {
  return origin.from === 'image' ? 'BUILDER_INVALID' : 'USAGE_INVALID';
}

function suggestionFor(origin: ScriptsUrlOrigin): string {
  return origin.from === 'image'
    ? 'give the location of the scripts yourself with --scripts-url'
    : 'write image:///usr/libexec/s2i, file:///path, or https://host/path';
}

function refuse(text: string, origin: ScriptsUrlOrigin, why: string): never {
  const shown = displayText(text.slice(0, 200));
  throw new BuildError(codeOf(origin), `${origin.what} is refused: "${shown}": ${why}`, {
    ...(origin.from === 'image' ? { origin: 'builder' as const } : {}),
    suggestion: suggestionFor(origin),
  });
}
