/**
 * Addresses of git repositories: URLs, `transport::address`, and the SCP form `[user@]host:path`
 * (git-clone(1), "GIT URLS"). Which forms are accepted follows source-to-image.
 *
 * What is returned can be handed to git behind `--`: nothing in it can become an option of git or of ssh,
 * and its protocol is on the allow-list.
 */

import { BuildError } from '../errors/index.ts';
import type { GitLocation, GitProtocol } from './types.ts';

/** An address with its fragment taken off and its credentials apart. */
export interface ParsedLocation {
  readonly git: GitLocation;
  /** The address without credentials, for labels and messages. */
  readonly location: string;
  readonly fragment?: string;
}

const suggestion =
  'give an https or ssh URL, host:path, a directory, a tar archive, or "-" for a tar stream';

/** Tells whether a source text has the form `scheme://...` or `transport::address`. */
export function isUrlForm(text: string): boolean {
  return /^\s*[A-Za-z][A-Za-z0-9+.-]*:(?:\/\/|:)/.test(text);
}

/**
 * Parses `scheme://...` and `transport::address`; `file:` URLs are not for here.
 *
 * @throws BuildError `SOURCE_INVALID`
 */
export function parseUrl(text: string, allowed: readonly GitProtocol[]): ParsedLocation {
  rejectUnprintable(text);
  const helper = /^([A-Za-z][A-Za-z0-9+.-]*)::(.*)$/s.exec(text);
  if (helper !== null) return parseHelperForm(text, helper[1] ?? '', helper[2] ?? '', allowed);
  const protocol = text.slice(0, text.indexOf(':')).toLowerCase();
  if (protocol === 'file') invalid(text, 'a file URL cannot stand here');
  const git = allowedProtocol(text, protocol, allowed);
  const url = parseHierarchical(text);
  return git === 'ssh' ? sshLocation(text, url) : httpLocation(text, url, git);
}

/**
 * Parses the SCP form; returns undefined when the text does not have it, which makes it a local path.
 *
 * @throws BuildError `SOURCE_INVALID`
 */
export function parseScp(
  text: string,
  allowed: readonly GitProtocol[],
): ParsedLocation | undefined {
  const { before, fragment } = splitFragment(text);
  const colon = scpColon(before);
  if (colon === -1) return undefined;
  rejectUnprintable(text);
  allowedProtocol(text, 'ssh', allowed);
  const host = before.slice(before.indexOf('@') + 1, colon);
  const path = before.slice(colon + 1);
  if (before.startsWith('-') || host.startsWith('-')) invalid(text, 'the host begins with "-"');
  if (path === '' || path.startsWith('-')) invalid(text, 'the path is empty or begins with "-"');
  return {
    git: { url: before, protocol: 'ssh' },
    location: before,
    ...(fragment === undefined ? {} : { fragment }),
  };
}

/** Splits at the first `#`; an empty fragment counts as none. */
export function splitFragment(text: string): { before: string; fragment: string | undefined } {
  const hash = text.indexOf('#');
  if (hash === -1) return { before: text, fragment: undefined };
  const fragment = text.slice(hash + 1);
  return { before: text.slice(0, hash), fragment: fragment === '' ? undefined : fragment };
}

/** Throws `SOURCE_INVALID` for control characters, and for space around the text. */
export function rejectUnprintable(text: string): void {
  if (/[\u0000-\u001f\u007f]/.test(text)) invalid(text, 'it holds a control character');
  if (text !== text.trim()) invalid(text, 'it begins or ends with space');
}

/** Throws the error for a source that no rule accepts. */
export function invalid(text: string, why: string): never {
  const shown = text.length > 200 ? `${text.slice(0, 200)}...` : text;
  throw new BuildError('SOURCE_INVALID', `not a source: ${JSON.stringify(shown)}: ${why}`, {
    origin: 'source',
    suggestion,
  });
}

/** `http::http://host/x` names git's own helper for http; any other helper runs programs and is refused. */
function parseHelperForm(
  text: string,
  helper: string,
  address: string,
  allowed: readonly GitProtocol[],
): ParsedLocation {
  const name = helper.toLowerCase();
  if ((name !== 'http' && name !== 'https') || !/^https?:\/\//i.test(address)) {
    invalid(text, `the transport ${JSON.stringify(helper)} is not allowed`);
  }
  return parseUrl(address, allowed);
}

function allowedProtocol(
  text: string,
  protocol: string,
  allowed: readonly GitProtocol[],
): GitProtocol {
  const found = allowed.find((candidate) => candidate === protocol);
  return found ?? invalid(text, `the protocol ${JSON.stringify(protocol)} is not allowed`);
}

function parseHierarchical(text: string): URL {
  if (/:\/\/\/|\\/.test(text)) invalid(text, 'it has no host, or a backslash');
  const url = URL.parse(text);
  if (url === null) invalid(text, 'its host or port is not valid');
  // git decodes percent signs in hosts, which could bring a leading "-" back.
  if (url.hostname === '' || url.hostname.startsWith('-') || url.hostname.includes('%'))
    invalid(text, 'it has no valid host');
  return url;
}

function decoded(text: string, part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return invalid(text, 'it holds a percent sign that begins no character');
  }
}

function httpLocation(text: string, url: URL, protocol: GitProtocol): ParsedLocation {
  const authorization = authorizationOf(text, url);
  if (authorization !== undefined && protocol !== 'https' && !isLoopback(url.hostname)) {
    invalid(text, `it would send its password over ${protocol} in clear`);
  }
  const fragment = fragmentOf(text, url);
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  bare.hash = '';
  const shown = new URL(bare);
  shown.search = '';
  return {
    git: { url: bare.href, protocol, ...(authorization === undefined ? {} : { authorization }) },
    location: shown.href,
    ...(fragment === undefined ? {} : { fragment }),
  };
}

/** The user of an ssh URL is part of the address and no secret; a password in it cannot be used at all. */
function sshLocation(text: string, url: URL): ParsedLocation {
  if (url.password !== '') invalid(text, 'ssh takes no password from the URL; use a key');
  if (decoded(text, url.username).startsWith('-')) invalid(text, 'the user begins with "-"');
  if (url.pathname === '' || url.pathname === '/') invalid(text, 'it has no path');
  const fragment = fragmentOf(text, url);
  const bare = new URL(url);
  bare.hash = '';
  bare.search = '';
  return {
    git: { url: bare.href, protocol: 'ssh' },
    location: bare.href,
    ...(fragment === undefined ? {} : { fragment }),
  };
}

function authorizationOf(text: string, url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined;
  return `${decoded(text, url.username)}:${decoded(text, url.password)}`;
}

function fragmentOf(text: string, url: URL): string | undefined {
  return url.hash.length > 1 ? decoded(text, url.hash.slice(1)) : undefined;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(?:\.\d+){3}$/.test(host);
}

/**
 * Finds the colon that ends the host. It is the first one before any slash, outside brackets; a run of
 * colons and hex digits (an IPv6 address without brackets) belongs to the host as a whole.
 */
function scpColon(text: string): number {
  const slash = text.indexOf('/');
  const head = slash === -1 ? text : text.slice(0, slash);
  const start = head.indexOf('@') + 1;
  if (head[start] === '[') {
    const close = head.indexOf(']', start);
    return close !== -1 && head[close + 1] === ':' ? close + 1 : -1;
  }
  const address = /^[0-9A-Fa-f:]*::[0-9A-Fa-f:]*(?:\d+(?:\.\d+){3})?:/.exec(head.slice(start));
  if (address !== null) return start + address[0].length - 1;
  const colon = head.indexOf(':', start);
  return colon === start ? -1 : colon;
}
