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

/**
 * Parses one JSON document whose top level is an object.
 *
 * Keys listed in `ambiguous` are those that give the document its meaning: they must appear once and in
 * no other letter case. Objects nested deeper than 100 levels are rejected.
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

function decodeUtf8(bytes: Uint8Array, what: string, code: ErrorCode): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
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
    const value = this.#value(0);
    this.#space();
    if (this.#at !== this.#text.length) this.#fail('has text after its end');
    return value;
  }

  #value(depth: number): Json {
    if (depth > maxDepth) this.#fail(`is nested deeper than ${maxDepth} levels`);
    this.#space();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  #object(depth: number): JsonObject {
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
      const fold = key.toLowerCase();
      if (folded.has(fold))
        this.#fail(`has two keys that differ from ${JSON.stringify(key)} only in letter case`);
      folded.add(fold);
      this.#expect(':');
      result[key] = this.#value(depth + 1);
    } while (this.#skip(','));
    this.#expect('}');
    return result;
  }

  #array(depth: number): readonly Json[] {
    const result: Json[] = [];
    this.#at += 1;
    if (this.#skip(']')) return result;
    do result.push(this.#value(depth + 1));
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
    if (!this.#skip(character)) this.#fail(`lacks a "${character}" at offset ${this.#at}`);
  }

  #fail(why: string): never {
    throw new BuildError(this.#code, `${this.#what} is not acceptable JSON: it ${why}`);
  }
}
