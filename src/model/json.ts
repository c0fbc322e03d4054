/**
 * Strict reading of the JSON documents that come from registries and archives.
 *
 * Two readers must never see two documents in one (CVE-2021-41190 and its relatives): duplicate keys,
 * keys that differ only in case, and numbers that readers round differently are rejected.
 */

import { BuildError, type ErrorCode } from '../errors/index.ts';

/** A parsed JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A parsed JSON object; has no prototype, so every key is data. */
export interface JsonObject {
  readonly [key: string]: Json;
}

const maxDepth = 100;

/** Keys whose objects map names that people choose: there, letter case distinguishes. */
const nameMaps = new Set(['annotations', 'Labels', 'labels', 'Volumes', 'ExposedPorts']);

/** Keys whose numbers other readers take for integers: `1e3` and `1.0` are none to them. */
const integerKeys = new Set(['size', 'schemaVersion']);

/**
 * Parses one JSON document whose top level is an object.
 *
 * A key must appear once in its object and, except among names that people choose (labels, annotations),
 * in no other letter case: some readers fold it. Objects nested deeper than 100 levels, a byte order mark
 * and anything but plain integers as `size` are rejected.
 *
 * @param what names the document in messages, such as `manifest of alpine:3`
 * @throws BuildError with `code`
 */
export function parseJsonObject(
  bytes: Uint8Array | string,
  what: string,
  code: ErrorCode,
): JsonObject {
  const text = typeof bytes === 'string' ? bytes : decodeUtf8(bytes, what, code);
  const value = new StrictJsonParser(text, what, code).parse();
  if (!isJsonObject(value)) throw new BuildError(code, `${what} is not a JSON object`);
  return value;
}

/** Tells whether a JSON value is an object (not null, not an array). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Rejects an object in which one of the given keys is spelled in another letter case: readers that fold
 * case would see what others do not.
 *
 * @throws BuildError with `code`
 */
export function refuseOtherSpelling(
  json: JsonObject,
  keys: readonly string[],
  what: string,
  code: ErrorCode,
): void {
  const exact = new Map(keys.map((key) => [key.toLowerCase(), key]));
  for (const found of Object.keys(json)) {
    const key = exact.get(found.toLowerCase());
    if (key !== undefined && key !== found) {
      throw new BuildError(code, `${what} spells the key ${key} as ${JSON.stringify(found)}`);
    }
  }
}

function decodeUtf8(bytes: Uint8Array, what: string, code: ErrorCode): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new BuildError(code, `${what} is not valid UTF-8`, { cause });
  }
}

/**
 * Recursive-descent parser over the grammar of RFC 8259. Strings and numbers are cut out by scanning and
 * handed to `JSON.parse`, which knows their escapes.
 */
class StrictJsonParser {
  readonly #text: string;
  readonly #what: string;
  readonly #code: ErrorCode;
  #at = 0;

  constructor(text: string, what: string, code: ErrorCode) {
    this.#text = text;
    this.#what = what;
    this.#code = code;
  }

  parse(): Json {
    const value = this.#value(0, false);
    this.#space();
    if (this.#at !== this.#text.length) this.#fail('has text after its end');
    return value;
  }

  #value(depth: number, isNameMap: boolean): Json {
    if (depth > maxDepth) this.#fail(`is nested deeper than ${maxDepth} levels`);
    this.#space();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth, isNameMap);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  #object(depth: number, isNameMap: boolean): JsonObject {
    const result: Record<string, Json> = Object.create(null);
    const folded = new Set<string>();
    this.#at += 1;
    if (this.#skip('}')) return result;
    do {
      this.#space();
      if (this.#text[this.#at] !== '"') this.#fail('has an object key that is not a string');
      const key = this.#string();
      if (Object.hasOwn(result, key))
        this.#fail(`has the key ${JSON.stringify(key)} twice in one object`);
      if (!isNameMap) this.#refuseOtherCase(key, folded);
      this.#expect(':');
      this.#space();
      const start = this.#at;
      const value = this.#value(depth + 1, nameMaps.has(key));
      if (typeof value === 'number' && integerKeys.has(key)) this.#refuseFraction(key, start);
      result[key] = value;
    } while (this.#skip(','));
    this.#expect('}');
    return result;
  }

  #refuseOtherCase(key: string, folded: Set<string>): void {
    const fold = key.toLowerCase();
    if (folded.has(fold))
      this.#fail(`has two keys that differ from ${JSON.stringify(key)} only in letter case`);
    folded.add(fold);
  }

  #refuseFraction(key: string, start: number): void {
    const token = this.#text.slice(start, this.#at);
    if (!/^-?\d+$/.test(token)) this.#fail(`has ${key} ${token}, which is no plain integer`);
  }

  #array(depth: number): readonly Json[] {
    const result: Json[] = [];
    this.#at += 1;
    if (this.#skip(']')) return result;
    do result.push(this.#value(depth + 1, false));
    while (this.#skip(','));
    this.#expect(']');
    return result;
  }

  #string(): string {
    const start = this.#at;
    let end = start + 1;
    while (this.#text[end] !== '"') {
      if (end >= this.#text.length) this.#fail('ends inside a string');
      end += this.#text[end] === '\\' ? 2 : 1;
    }
    this.#at = end + 1;
    return this.#native(this.#text.slice(start, end + 1)) as string;
  }

  #scalar(): Json {
    const match = /[^\s,\]}]*/y;
    match.lastIndex = this.#at;
    const token = match.exec(this.#text)?.[0] ?? '';
    if (token === '') this.#fail('ends too early');
    this.#at += token.length;
    return this.#native(token);
  }

  #native(token: string): Json {
    try {
      return JSON.parse(token) as Json;
    } catch {
      return this.#fail(`has an invalid value ${JSON.stringify(token.slice(0, 40))}`);
    }
  }

  #space(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? 'x')) this.#at += 1;
  }

  #skip(character: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #expect(character: string): void {
    if (!this.#skip(character)) this.#fail(`lacks a "${character}"`);
  }

  #fail(why: string): never {
    const lines = this.#text.slice(0, this.#at).split('\n');
    const place = `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
    throw new BuildError(this.#code, `${this.#what} is not acceptable JSON at ${place}: it ${why}`);
  }
}
