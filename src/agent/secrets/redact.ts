/**
 * Blots secrets out of output that comes in pieces. Nothing waits longer than it must: only the end of a
 * piece that may be the beginning of a secret is kept back.
 */

import type { SecretPattern } from './patterns.ts';

const blot = Buffer.from('***');

/** Replaces every secret in a sequence of pieces by `***`. */
export class SecretRedactor {
  readonly #patterns: readonly SecretPattern[];
  #held: Buffer = Buffer.alloc(0);

  constructor(patterns: readonly SecretPattern[]) {
    this.#patterns = patterns;
  }

  /** Takes a piece, and returns what can be shown by now. */
  push(chunk: Uint8Array): Buffer {
    const all = Buffer.concat([this.#held, chunk]);
    const { clean, rest } = this.#replace(all);
    const keep = this.#beginningAtEnd(rest);
    this.#held = Buffer.from(rest.subarray(rest.length - keep));
    return Buffer.concat([...clean, rest.subarray(0, rest.length - keep)]);
  }

  /** Returns what was kept back, when nothing more comes. */
  end(): Buffer {
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    return held;
  }

  #replace(all: Buffer): { clean: Buffer[]; rest: Buffer } {
    const clean: Buffer[] = [];
    let rest = all;
    for (let found = this.#first(rest); found !== undefined; found = this.#first(rest)) {
      clean.push(rest.subarray(0, found.at), blot);
      rest = rest.subarray(found.at + found.length);
    }
    return { clean, rest };
  }

  #first(bytes: Buffer): { at: number; length: number } | undefined {
    let first: { at: number; length: number } | undefined;
    for (const pattern of this.#patterns) {
      const at = bytes.indexOf(pattern.bytes);
      if (at >= 0 && (first === undefined || at < first.at)) {
        first = { at, length: pattern.bytes.length };
      }
    }
    return first;
  }

  /** How many of the last bytes may be the beginning of a secret. */
  #beginningAtEnd(all: Buffer): number {
    return Math.max(0, ...this.#patterns.map(({ bytes }) => beginningAtEnd(bytes, all)));
  }
}

function beginningAtEnd(pattern: Buffer, all: Buffer): number {
  const first = Math.max(0, all.length - pattern.length + 1);
  for (let at = all.indexOf(pattern[0] ?? 0, first); at >= 0; ) {
    const length = all.length - at;
    if (pattern.subarray(0, length).equals(all.subarray(at))) return length;
    at = all.indexOf(pattern[0] ?? 0, at + 1);
  }
  return 0;
}
