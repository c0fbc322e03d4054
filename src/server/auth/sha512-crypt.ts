/**
 * SHA-512 crypt, the `$6$` passwords of crypt(3): what `htpasswd -5` and `openssl passwd -6` write. Specified
 * in "Unix crypt using SHA-256 and SHA-512" (U. Drepper, 2008). Node has the hash, not the scheme.
 */

import { createHash } from 'node:crypto';

const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const hashSize = 64;
const maxSaltLength = 16;
const usualRounds = 5000;
const minRounds = 1000;

/** The parts of a `$6$` password. */
export interface Sha512Crypt {
  readonly salt: string;
  readonly rounds: number;
  /** 86 characters. */
  readonly checksum: string;
}

/** Takes a `$6$` password apart; undefined when it is none. */
export function parseSha512Crypt(text: string): Sha512Crypt | undefined {
  const [, rounds, salt = '', checksum = ''] =
    /^\$6\$(?:rounds=(\d{1,9})\$)?([^$:\n]{0,16})\$([./0-9A-Za-z]{86})$/.exec(text) ?? [];
  if (checksum === '') return undefined;
  const count = rounds === undefined ? usualRounds : Math.max(minRounds, Number(rounds));
  return { salt, rounds: count, checksum };
}

/** Computes the checksum of a password, which takes some milliseconds on purpose. */
export function sha512Crypt(password: string, saltText: string, rounds = usualRounds): string {
  const key = Buffer.from(password);
  const salt = Buffer.from(saltText).subarray(0, maxSaltLength);
  const inner = hash(key, salt, key);
  const bits = key.length === 0 ? [] : [...key.length.toString(2)].toReversed();
  const seed = hash(
    key,
    salt,
    repeated(inner, key.length),
    ...bits.map((bit) => (bit === '1' ? inner : key)),
  );
  const p = repeated(hash(...Array<Buffer>(key.length).fill(key)), key.length);
  const s = repeated(hash(...Array<Buffer>(16 + (seed[0] ?? 0)).fill(salt)), salt.length);
  let state = seed;
  for (let round = 0; round < rounds; round += 1) {
    const odd = round % 2 === 1;
    state = hash(
      odd ? p : state,
      ...(round % 3 === 0 ? [] : [s]),
      ...(round % 7 === 0 ? [] : [p]),
      odd ? state : p,
    );
  }
  return encode(state);
}

function hash(...parts: readonly Uint8Array[]): Buffer {
  const running = createHash('sha512');
  for (const part of parts) running.update(part);
  return running.digest();
}

/** The first `length` bytes of a block that is repeated. */
function repeated(block: Buffer, length: number): Buffer {
  return Buffer.concat(Array<Buffer>(Math.ceil(length / hashSize)).fill(block), length);
}

/** Three bytes, a third of the hash apart and turned by one place each time, are four characters. */
function encode(bytes: Buffer): string {
  const at = (i: number) => bytes[i] ?? 0;
  const groups = Array.from({ length: 21 }, (_, i) => {
    const three = [i, i + 21, i + 42];
    const [a = 0, b = 0, c = 0] = [...three.slice(i % 3), ...three.slice(0, i % 3)];
    return characters((at(a) << 16) | (at(b) << 8) | at(c), 4);
  });
  return groups.join('') + characters(at(63), 2);
}

function characters(value: number, count: number): string {
  return Array.from({ length: count }, (_, i) => alphabet[(value >> (6 * i)) & 63]).join('');
}
