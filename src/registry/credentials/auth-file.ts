/**
 * The content of one credential file: Docker's config.json, the containers tools' auth.json, the legacy
 * `.dockercfg`, or the value of `DOCKER_AUTH_CONFIG`. All unknown fields are kept for writing back.
 */

import { BuildError } from '../../errors/index.ts';
import { isJsonObject, type Json, type JsonObject } from '../../model/index.ts';
import { keysFor, normalizeKey } from './registry-key.ts';
import type { Credential } from './types.ts';

/** A parsed credential file. */
export interface AuthFile {
  /** For messages: a path or the name of a variable. */
  readonly origin: string;
  /** Entries by normalised key. */
  readonly entries: ReadonlyMap<string, JsonObject>;
  /** Helper names by normalised key. */
  readonly helpers: ReadonlyMap<string, string>;
  readonly store: string | undefined;
}

/**
 * Parses a credential file.
 *
 * @throws BuildError `CREDENTIALS_INVALID`
 */
export function parseAuthFile(text: string, origin: string): AuthFile {
  const document = parse(text, origin);
  const auths = document['auths'];
  const helpers = document['credHelpers'];
  const store = document['credsStore'];
  const isLegacy = auths === undefined && helpers === undefined && store === undefined;
  const entries = isLegacy ? legacyEntries(document) : objectsIn(auths);
  return {
    origin,
    entries: normalized(entries),
    helpers: normalized(stringsIn(helpers)),
    store: typeof store === 'string' && store !== '' ? store : undefined,
  };
}

/** What a file says about a repository, without asking helpers. */
export type Finding =
  | { readonly kind: 'credential'; readonly credential: Credential }
  | { readonly kind: 'helper'; readonly helper: string }
  | { readonly kind: 'invalid'; readonly key: string; readonly why: string };

/**
 * Looks a repository up: a helper for its registry wins, then the entry with the longest path, then the
 * general store. An empty entry is a marker of Docker's and counts as none.
 */
export function lookUp(file: AuthFile, registry: string, repository: string): Finding | undefined {
  const helper = file.helpers.get(normalizeKey(registry));
  if (helper !== undefined) return { kind: 'helper', helper };
  for (const key of keysFor(registry, repository)) {
    const entry = file.entries.get(key);
    const finding = entry === undefined ? undefined : readEntry(entry, key, file.origin);
    if (finding !== undefined) return finding;
  }
  return file.store === undefined ? undefined : { kind: 'helper', helper: file.store };
}

function readEntry(entry: JsonObject, key: string, origin: string): Finding | undefined {
  const text = (name: string): string => {
    const value = entry[name];
    return typeof value === 'string' ? value : '';
  };
  const token = text('registrytoken');
  if (token !== '') return { kind: 'credential', credential: { kind: 'bearer', token, origin } };
  const login = text('auth') === '' ? { username: '', password: '' } : decodeAuth(text('auth'));
  if (login === undefined) return { kind: 'invalid', key, why: 'its auth value is malformed' };
  const username = text('username') || login.username;
  const identity = text('identitytoken');
  if (identity !== '') {
    const name = username === '' ? {} : { username };
    return {
      kind: 'credential',
      credential: { kind: 'identity', token: identity, ...name, origin },
    };
  }
  const password = text('password') || login.password;
  if (username === '' && password === '') return undefined;
  if (username === '') return { kind: 'invalid', key, why: 'it has no user name' };
  return { kind: 'credential', credential: { kind: 'basic', username, password, origin } };
}

/** Base64 of `user:password`; the password may hold colons, trailing NULs are padding of old tools. */
function decodeAuth(text: string): { username: string; password: string } | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}\s*$/.test(text)) return undefined;
  const plain = Buffer.from(text, 'base64').toString('utf8');
  const colon = plain.indexOf(':');
  if (colon <= 0) return undefined;
  return { username: plain.slice(0, colon), password: plain.slice(colon + 1).replace(/\0+$/, '') };
}

/** Credential files are written by many tools, so duplicate keys are forgiven: the last one counts. */
function parse(text: string, origin: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    // The parser's own message may quote a secret.
    throw new BuildError('CREDENTIALS_INVALID', `${origin} is not valid JSON`);
  }
  if (isJsonObject(value)) return value;
  throw new BuildError('CREDENTIALS_INVALID', `${origin} is not a JSON object`);
}

function legacyEntries(document: JsonObject): Map<string, JsonObject> {
  const entries = objectsIn(document);
  const known = ['auth', 'username', 'password', 'identitytoken', 'registrytoken'];
  return new Map([...entries].filter(([, entry]) => known.some((field) => field in entry)));
}

function objectsIn(json: Json | undefined): Map<string, JsonObject> {
  const pairs = Object.entries(isJsonObject(json) ? json : {});
  return new Map(pairs.filter((pair): pair is [string, JsonObject] => isJsonObject(pair[1])));
}

function stringsIn(json: Json | undefined): Map<string, string> {
  const pairs = Object.entries(isJsonObject(json) ? json : {});
  return new Map(
    pairs.filter((pair): pair is [string, string] => typeof pair[1] === 'string' && pair[1] !== ''),
  );
}

/** Normalises keys; of two that become the same, one that says something wins over an empty one. */
function normalized<T>(entries: ReadonlyMap<string, T>): Map<string, T> {
  const result = new Map<string, T>();
  for (const [key, value] of entries) {
    const name = normalizeKey(key);
    const known = result.get(name);
    if (known === undefined || isEmpty(known)) result.set(name, value);
  }
  return result;
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
