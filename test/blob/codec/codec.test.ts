/** Compression in both directions: round trips, interchange with other tools, determinism, damage, bombs. */

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import t from 'tap';
import { compress, decompress } from '../../../src/blob/index.ts';
import { BuildError } from '../../../src/errors/index.ts';
import { fc } from '../../support/property.ts';

const compressions = ['gzip', 'zstd'] as const;
type Coded = (typeof compressions)[number];

const text = Buffer.from('the quick brown fox jumps over the lazy dog\n'.repeat(60_000));
const mixed = Buffer.concat([text, randomBytes(1_500_000), Buffer.alloc(3_000_000)]);

function chunked(bytes: Uint8Array, size: number): Readable {
  return Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    })(),
    { objectMode: false },
  );
}

const encode = (bytes: Uint8Array, compression: Coded, level?: number, chunk = 65_536) =>
  buffer(
    compress(chunked(bytes, chunk), { compression, ...(level === undefined ? {} : { level }) }),
  );
const decode = (bytes: Uint8Array, compression: Coded, limits = {}, chunk = 65_536) =>
  buffer(decompress(chunked(bytes, chunk), compression, limits));
const plain = (bytes: Uint8Array, compression: Coded) =>
  compression === 'gzip' ? gzipSync(bytes) : zstdCompressSync(bytes);

for (const compression of compressions) {
  t.test(`${compression} gives back what went in`, async (t) => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('x'), Buffer.alloc(2 ** 20), mixed]) {
      const coded = await encode(bytes, compression);
      t.ok((await decode(coded, compression)).equals(bytes), `${bytes.length} bytes`);
    }
  });

  t.test(`${compression} is read by the ordinary tool`, async (t) => {
    const tool = compression === 'gzip' ? 'gzip' : 'zstd';
    for (const bytes of [Buffer.alloc(0), mixed]) {
      const coded = await encode(bytes, compression);
      const output = execFileSync(tool, ['-dc'], { input: coded, maxBuffer: 2 ** 26 });
      t.ok(output.equals(bytes));
    }
  });

  t.test(`${compression} output depends on nothing but content and level`, async (t) => {
    for (const bytes of [Buffer.alloc(2 ** 20, 'a'), mixed]) {
      const first = await encode(bytes, compression, 4, 65_536);
      for (const chunk of [1_000, 2 ** 20, 3_333_333, bytes.length])
        t.ok((await encode(bytes, compression, 4, chunk)).equals(first), `chunks of ${chunk}`);
    }
    const [low, high] = [await encode(mixed, compression, 1), await encode(mixed, compression, 9)];
    t.ok(high.length < low.length, 'a higher level is smaller');
  });

  t.test(
    `${compression} data in several parts is read to its end, however it is cut`,
    async (t) => {
      const parts = ['one', 'two', '', 'three'].map((part) =>
        plain(Buffer.from(part), compression),
      );
      const joined = Buffer.concat(parts);
      for (const chunk of [1, 2, 3, 7, 20, 64, 1000])
        t.equal(
          (await decode(joined, compression, {}, chunk)).toString(),
          'onetwothree',
          `${chunk}`,
        );
    },
  );

  t.test(`${compression} data that is damaged is refused`, async (t) => {
    const whole = plain(text, compression);
    const flipped = Buffer.from(whole);
    flipped.writeUInt8(flipped.readUInt8(whole.length >> 1) ^ 0x55, whole.length >> 1);
    const cases: Record<string, Buffer> = {
      empty: Buffer.alloc(0),
      'one byte': whole.subarray(0, 1),
      'cut off': whole.subarray(0, -3),
      'a flipped byte': compression === 'gzip' ? flipped : await flippedWithChecksum(),
      'zeros behind it': Buffer.concat([whole, Buffer.alloc(512)]),
      'text behind it': Buffer.concat([whole, Buffer.from('trailing')]),
      'one byte behind it': Buffer.concat([whole, whole.subarray(0, 1)]),
      'zeros between parts': Buffer.concat([whole, Buffer.alloc(8), whole]),
      'plain text': text.subarray(0, 5000),
      'the other compression': plain(text, compression === 'gzip' ? 'zstd' : 'gzip'),
    };
    for (const [name, bytes] of Object.entries(cases))
      for (const chunk of [5, 65_536])
        await t.rejects(
          decode(bytes, compression, {}, chunk),
          { code: 'COMPRESSION_INVALID' },
          `${name} in chunks of ${chunk}`,
        );
  });

  t.test(`T12 a ${compression} bomb is refused`, async (t) => {
    const bomb = plain(Buffer.alloc(2 ** 24), compression);
    await t.rejects(decode(bomb, compression, { maxBytes: 2 ** 23 }), { code: 'LIMIT_EXCEEDED' });
    const ratio = { maxRatio: 100, ratioFloor: 2 ** 20 };
    const none = { ...ratio, freeZeros: 0 };
    await t.rejects(decode(bomb, compression, none), { code: 'LIMIT_EXCEEDED' });
    const letters = plain(Buffer.alloc(2 ** 24, 'a'), compression);
    await t.rejects(decode(letters, compression, ratio), { code: 'LIMIT_EXCEEDED' });
    const few = { ...ratio, freeZeros: 2 ** 23 };
    await t.rejects(decode(bomb, compression, few), { code: 'LIMIT_EXCEEDED' });
    const many = { ...ratio, freeZeros: 2 ** 24 };
    t.equal(
      (await decode(bomb, compression, many)).length,
      2 ** 24,
      'zeros within their bound pass',
    );
    const floor = { maxRatio: 100, ratioFloor: 2 ** 24 };
    t.equal((await decode(bomb, compression, floor)).length, 2 ** 24, 'zeros below the floor pass');
  });

  t.test(
    `T12 ${compression}: a thousand parts one after the other are read in linear time`,
    async (t) => {
      const part = plain(Buffer.from('part'), compression);
      const many = Buffer.concat(Array.from({ length: 1000 }, () => part));
      t.equal((await decode(many, compression)).length, 4000);
    },
  );

  t.test(`${compression}: errors of the input come through unchanged`, async (t) => {
    const failing = () =>
      Readable.from(
        (async function* () {
          yield plain(text, compression).subarray(0, 20);
          throw new BuildError('REGISTRY_UNAVAILABLE', 'the connection broke');
        })(),
      );
    const expected = { code: 'REGISTRY_UNAVAILABLE' };
    await t.rejects(buffer(decompress(failing(), compression)), expected);
    await t.rejects(buffer(compress(failing(), { compression })), expected);
  });

  t.test(`${compression}: destroying the result destroys the input`, async (t) => {
    for (const make of [
      (input: Readable) => compress(input, { compression }),
      (input: Readable) => decompress(input, compression),
    ]) {
      const input = chunked(plain(randomBytes(2 ** 23), compression), 65_536);
      for await (const chunk of make(input)) if (chunk.length > 0) break;
      t.ok(input.destroyed);
    }
  });
}

t.test('zstd frames that carry no content are passed over', async (t) => {
  const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const empty = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
  const frame = zstdCompressSync(Buffer.from('content'));
  const bytes = Buffer.concat([skippable, empty, frame, skippable, frame, empty]);
  for (const chunk of [1, 9, 1000])
    t.equal((await decode(bytes, 'zstd', {}, chunk)).toString(), 'contentcontent');
});

t.test('zstd frames of every header shape are followed', async (t) => {
  const levels = ['-1', '-19', '--fast=3', '--no-check', '--check', '--ultra', '--rsyncable'];
  for (const option of levels) {
    const args = ['-c', option, ...(option === '--ultra' ? ['-20'] : [])];
    const coded = execFileSync('zstd', args, { input: mixed, maxBuffer: 2 ** 26 });
    const sized = zstdCompressSync(mixed.subarray(0, 300));
    const both = await decode(Buffer.concat([coded, sized, coded]), 'zstd');
    t.ok(both.equals(Buffer.concat([mixed, mixed.subarray(0, 300), mixed])), option);
  }
});

t.test('levels outside of the range are a usage error', async (t) => {
  for (const level of [-1, 10, 1.5, Number.NaN])
    t.throws(() => compress(Readable.from([]), { compression: 'gzip', level }), {
      code: 'USAGE_INVALID',
    });
  for (const level of [0, 23])
    t.throws(() => compress(Readable.from([]), { compression: 'zstd', level }), {
      code: 'USAGE_INVALID',
    });
});

t.test('any bytes round-trip through any cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 5000 }),
      fc.integer({ min: 1, max: 600 }),
      fc.constantFrom(...compressions),
      async (bytes, chunk, compression) => {
        const coded = await encode(bytes, compression, undefined, chunk);
        return (await decode(coded, compression, {}, chunk)).equals(bytes);
      },
    ),
    { numRuns: 150, verbose: true },
  );
});

async function flippedWithChecksum(): Promise<Buffer> {
  const coded = await encode(text, 'zstd');
  coded.writeUInt8(coded.readUInt8(coded.length - 2) ^ 1, coded.length - 2);
  return coded;
}
