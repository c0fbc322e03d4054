/**
 * Builds archives byte by byte, right or wrong, independently of `src/tar`. Text is latin1: one
 * character, one byte. Nothing is checked: whatever is asked for is written.
 */

/** A numeric field: a number is written in octal as is usual, text as it stands. */
export type Numeric = number | string;

/** What a header block says. */
export interface HeaderFields {
  readonly name?: string;
  readonly mode?: Numeric;
  readonly uid?: Numeric;
  readonly gid?: Numeric;
  /** Default: the length of the content. */
  readonly size?: Numeric;
  readonly mtime?: Numeric;
  /** The type flag; default `0`. */
  readonly flag?: string;
  readonly linkName?: string;
  readonly magic?: 'ustar' | 'gnu' | 'star' | 'v7';
  readonly userName?: string;
  readonly groupName?: string;
  readonly deviceMajor?: Numeric;
  readonly deviceMinor?: Numeric;
  readonly prefix?: string;
  /** Further text at byte offsets, written last. */
  readonly raw?: readonly (readonly [offset: number, text: string])[];
  /** How the checksum is made; a text is written as it stands. Default `unsigned`. */
  readonly checksum?: 'unsigned' | 'signed' | string;
}

const blockSize = 512;
const magics = { ustar: 'ustar\x0000', star: 'ustar\x0000', gnu: 'ustar  \0', v7: '' };

/** Encodes a number as GNU's base-256 in a field of so many bytes. */
export function base256(value: bigint, length: number): string {
  const bytes = Buffer.alloc(length);
  let rest = BigInt.asUintN(8 * length, value);
  for (let at = length - 1; at >= 0; at--, rest >>= 8n) bytes[at] = Number(rest & 0xffn);
  bytes[0] = (bytes[0] ?? 0) | 0x80;
  return bytes.toString('latin1');
}

/** Encodes a number in octal, zero-padded, with a final NUL. */
export function octal(value: number, length: number): string {
  return `${value.toString(8).padStart(length - 1, '0')}\0`;
}

/** Writes a header block. */
export function header(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(blockSize);
  const text = (value: string | undefined, start: number, length: number) =>
    block.write((value ?? '').slice(0, length), start, 'latin1');
  const number = (value: Numeric | undefined, start: number, length: number) =>
    text(typeof value === 'string' ? value : octal(value ?? 0, length), start, length);
  const magic = fields.magic ?? 'ustar';
  text(fields.name, 0, 100);
  number(fields.mode ?? 0o644, 100, 8);
  number(fields.uid, 108, 8);
  number(fields.gid, 116, 8);
  number(fields.size, 124, 12);
  number(fields.mtime, 136, 12);
  text(fields.flag ?? '0', 156, 1);
  text(fields.linkName, 157, 100);
  if (magic !== 'v7') {
    text(magics[magic], 257, 8);
    text(fields.userName, 265, 32);
    text(fields.groupName, 297, 32);
    number(fields.deviceMajor, 329, 8);
    number(fields.deviceMinor, 337, 8);
    text(fields.prefix, 345, 155);
  }
  if (magic === 'star') text('tar\0', 508, 4);
  for (const [offset, value] of fields.raw ?? []) text(value, offset, value.length);
  return withChecksum(block, fields.checksum);
}

/** Writes the checksum into a header block and returns it. */
export function withChecksum(
  block: Buffer,
  checksum: HeaderFields['checksum'] = 'unsigned',
): Buffer {
  block.fill(' ', 148, 156);
  if (checksum !== 'unsigned' && checksum !== 'signed') {
    block.write(checksum, 148, 'latin1');
    return block;
  }
  let sum = 0;
  for (const byte of block) sum += checksum === 'signed' && byte > 127 ? byte - 256 : byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** Pads content to whole blocks. */
export function padded(content: string | Buffer): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  return Buffer.concat([bytes, Buffer.alloc((blockSize - (bytes.length % blockSize)) % blockSize)]);
}

/** Writes a header and its content. */
export function member(fields: HeaderFields, content: string | Buffer = ''): Buffer {
  return Buffer.concat([header({ size: content.length, ...fields }), padded(content)]);
}

/** One pax record with the right length. */
export function record(key: string, value: string): string {
  const rest = key.length + value.length + 3;
  let length = rest + 1;
  while (length !== rest + String(length).length) length++;
  return `${length} ${key}=${value}\n`;
}

/** An extended header; text is taken for the records as they stand. */
export function pax(records: readonly (readonly [string, string])[] | string, flag = 'x'): Buffer {
  const text =
    typeof records === 'string'
      ? records
      : records.map(([key, value]) => record(key, value)).join('');
  return member({ name: `pax-${flag}`, flag }, text);
}

/** A GNU long name (`L`) or long link (`K`). */
export function gnuLong(flag: 'L' | 'K', text: string): Buffer {
  return member({ name: '././@LongLink', flag, magic: 'gnu' }, text);
}

/** A run of bytes in a sparse file. */
export type SparseRun = readonly [offset: number, length: number];

/** A sparse file in the old GNU format; the content is what the runs hold, one after the other. */
export function oldGnuSparse(
  fields: HeaderFields & { readonly realSize: Numeric },
  runs: readonly SparseRun[],
  content: string | Buffer,
): Buffer {
  const pair = ([offset, length]: SparseRun) => octal(offset, 12) + octal(length, 12);
  const inHeader = runs.slice(0, 4).map(pair).join('');
  const extended = runs.length > 4;
  const realSize =
    typeof fields.realSize === 'string' ? fields.realSize : octal(fields.realSize, 12);
  const raw: (readonly [number, string])[] = [
    [386, inHeader],
    [482, extended ? '\x01' : '\0'],
    [483, realSize],
  ];
  const blocks: Buffer[] = [];
  for (let at = 4; at < runs.length; at += 21) {
    const block = Buffer.alloc(blockSize);
    block.write(
      runs
        .slice(at, at + 21)
        .map(pair)
        .join(''),
      'latin1',
    );
    block[504] = at + 21 < runs.length ? 1 : 0;
    blocks.push(block);
  }
  const all = [...raw, ...(fields.raw ?? [])];
  const first = header({ size: content.length, magic: 'gnu', flag: 'S', ...fields, raw: all });
  return Buffer.concat([first, ...blocks, padded(content)]);
}

/** The text of a sparse map as pax format 1.0 puts it before the content, padded. */
export function paxSparseMap(runs: readonly SparseRun[]): Buffer {
  return padded(`${[runs.length, ...runs.flat()].join('\n')}\n`);
}

/** A sparse file in pax format 0.0, 0.1 or 1.0. */
export function paxSparse(
  version: '0.0' | '0.1' | '1.0',
  name: string,
  size: number,
  runs: readonly SparseRun[],
  content: string,
): Buffer {
  const bytes = Buffer.from(content, 'latin1');
  if (version === '1.0') {
    const records = [
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.name', name],
      ['GNU.sparse.realsize', `${size}`],
    ] as const;
    return Buffer.concat([
      pax(records),
      member({ name: 'GNUSparseFile.0/file' }, Buffer.concat([paxSparseMap(runs), bytes])),
    ]);
  }
  const map: readonly (readonly [string, string])[] =
    version === '0.1'
      ? [
          ['GNU.sparse.name', name],
          ['GNU.sparse.map', runs.flat().join(',')],
        ]
      : runs.flatMap(
          ([offset, length]) =>
            [
              ['GNU.sparse.offset', `${offset}`],
              ['GNU.sparse.numbytes', `${length}`],
            ] as const,
        );
  const head = [
    ['GNU.sparse.size', `${size}`],
    ['GNU.sparse.numblocks', `${runs.length}`],
  ] as const;
  const shortName = version === '0.1' ? 'GNUSparseFile.0/file' : name;
  return Buffer.concat([pax([...head, ...map]), member({ name: shortName }, bytes)]);
}

/** The two zero blocks that end an archive. */
export const endMarker = Buffer.alloc(2 * blockSize);

/** Joins parts and ends the archive. */
export function archive(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([...parts, endMarker]);
}
