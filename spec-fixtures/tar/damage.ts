/** Damage to archives of the sort that tells readers apart. */

import fc from 'fast-check';
import { base256, octal, withChecksum } from './builder.ts';

const blockSize = 512;

const fields: readonly (readonly [string, number, number])[] = [
  ['name', 0, 100],
  ['mode', 100, 8],
  ['uid', 108, 8],
  ['gid', 116, 8],
  ['size', 124, 12],
  ['mtime', 136, 12],
  ['linkName', 157, 100],
  ['magic', 257, 8],
  ['deviceMajor', 329, 8],
  ['prefix', 345, 12],
  ['sparse', 386, 24],
  ['extended', 482, 1],
  ['realSize', 483, 12],
  ['trailer', 508, 4],
];
const value = (length: number) =>
  fc.constantFrom(
    '',
    '\0'.repeat(length),
    '0',
    octal(1, length),
    octal(513, length),
    '7'.repeat(length),
    '8',
    '-1',
    ' 12 ',
    '12\0junk',
    '1 2',
    'zz',
    '+7',
    '0x7',
    base256(0n, length),
    base256(7n, length),
    base256(-1n, length),
    base256(2n ** 40n, length),
    `\x81${'\0'.repeat(length - 1)}`,
    '\xff',
    'ustar\x0000',
    'ustar  \0',
    'tar\0',
    'name/',
  );

/** Does something to an archive and says what. */
export type Damage = (bytes: Buffer) => { readonly bytes: Buffer; readonly what: string };

/** Finds the header blocks of an archive by their checksums. */
export function headersOf(bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at + blockSize <= bytes.length; at += blockSize) {
    const block = Buffer.from(bytes.subarray(at, at + blockSize));
    const stated = Number.parseInt(block.toString('latin1', 148, 154), 8);
    if (stated > 256 && withChecksum(block).compare(bytes, at, at + blockSize) === 0)
      found.push(at);
  }
  return found;
}

/** Changes one header block and makes its checksum right again. */
function changeHeader(bytes: Buffer, which: number, change: (block: Buffer) => void): Buffer {
  const headers = headersOf(bytes);
  const at = headers[which % (headers.length || 1)];
  if (at === undefined) return bytes;
  const copy = Buffer.from(bytes);
  const block = copy.subarray(at, at + blockSize);
  change(block);
  withChecksum(block);
  return copy;
}

const fieldDamage = fc
  .tuple(fc.nat(20), fc.constantFrom(...fields))
  .chain(([which, [field, start, length]]) =>
    value(length).map(
      (text): Damage =>
        (bytes) => ({
          what: `header ${which}: ${field} = ${JSON.stringify(text)}`,
          bytes: changeHeader(bytes, which, (block) => {
            block.fill(0, start, start + length);
            block.write(text.slice(0, length), start, 'latin1');
          }),
        }),
    ),
  );
const flagDamage = fc
  .tuple(
    fc.nat(20),
    fc.constantFrom(
      '\0',
      '0',
      '1',
      '2',
      '5',
      '7',
      'x',
      'g',
      'L',
      'K',
      'S',
      'D',
      'M',
      'V',
      'N',
      'X',
      'Z',
    ),
  )
  .map(
    ([which, flag]): Damage =>
      (bytes) => ({
        what: `header ${which}: flag = ${JSON.stringify(flag)}`,
        bytes: changeHeader(bytes, which, (block) => block.write(flag, 156, 'latin1')),
      }),
  );
const byteDamage = fc
  .tuple(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), fc.nat(255))
  .map(
    ([where, byte]): Damage =>
      (bytes) => {
        const copy = Buffer.from(bytes);
        const at = Math.floor(where * bytes.length);
        if (at < copy.length) copy[at] = byte;
        return { what: `byte ${at} = ${byte}`, bytes: copy };
      },
  );
const blockDamage = fc
  .tuple(
    fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    fc.constantFrom('drop', 'double', 'zero'),
  )
  .map(
    ([where, kind]): Damage =>
      (bytes) => {
        const at = Math.floor((where * bytes.length) / blockSize) * blockSize;
        const block = bytes.subarray(at, at + blockSize);
        const middle =
          { drop: [], double: [block, block], zero: [Buffer.alloc(block.length)] }[kind] ?? [];
        return {
          what: `${kind} block at ${at}`,
          bytes: Buffer.concat([bytes.subarray(0, at), ...middle, bytes.subarray(at + blockSize)]),
        };
      },
  );
const cut = fc.double({ min: 0, max: 1, noNaN: true }).map(
  (where): Damage =>
    (bytes) => ({
      what: `cut at ${Math.floor(where * bytes.length)}`,
      bytes: bytes.subarray(0, Math.floor(where * bytes.length)),
    }),
);
/** One piece of damage. */
export const damage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 6, arbitrary: fieldDamage },
  { weight: 3, arbitrary: flagDamage },
  { weight: 1, arbitrary: byteDamage },
  { weight: 1, arbitrary: blockDamage },
  { weight: 1, arbitrary: cut },
);
