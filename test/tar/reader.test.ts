import t, { type Test } from 'tap';
import { archive, endMarker, member, oldGnuSparse, pax } from '../../spec-fixtures/tar/builder.ts';
import { damagedArchive, wellFormedArchive } from '../../spec-fixtures/tar/generator.ts';
import { goVectors } from '../../spec-fixtures/tar/go-vectors.ts';
import { hostileVectors } from '../../spec-fixtures/tar/hostile-vectors.ts';
import type { Vector } from '../../spec-fixtures/tar/vector.ts';
import { TarReader } from '../../src/tar/index.ts';
import { fc } from '../support/property.ts';
import { attempt, type ReadEntry, read } from './support.ts';

const smallArchive = 64 * 1024;
const manyChunkings = [[1], [7], [512], [511, 513], [3, 1021, 40]];

/** Reduces an entry to the fields that a vector speaks of. */
function project(entry: ReadEntry, wanted: object): object {
  const plain: Record<string, unknown> = {
    ...entry,
    content: entry.content.toString('latin1'),
    xattrs: Object.fromEntries(
      [...entry.xattrs].map(([name, value]) => [name, Buffer.from(value).toString('latin1')]),
    ),
  };
  return Object.fromEntries(Object.keys(wanted).map((key) => [key, plain[key]]));
}

function checkVector(t: Test, vector: Vector): void {
  const bytes = vector.build();
  const whole = read(bytes);
  if (typeof vector.expect === 'string') {
    t.equal(whole.refusal?.code, vector.expect, 'refused with the right code');
    t.ok(whole.refusal?.suggestion, 'says what to do');
    t.equal(whole.refusal?.exitCode, 3, 'exit code of untrusted input');
  } else {
    t.equal(whole.refusal, undefined, 'accepted');
    const expected = vector.expect;
    const projected = whole.entries.map((entry, index) => project(entry, expected[index] ?? entry));
    t.strictSame(projected, expected, 'the entries that Go reads');
  }
  for (const sizes of bytes.length <= smallArchive ? manyChunkings : [[65536], [100003]]) {
    const again = read(bytes, {}, sizes);
    t.strictSame(again.entries, whole.entries, `the same entries in chunks of ${sizes}`);
    t.equal(
      again.refusal?.message,
      whole.refusal?.message,
      `the same verdict in chunks of ${sizes}`,
    );
  }
}

for (const vector of goVectors)
  t.test(`Go vector: ${vector.name}`, async (t) => checkVector(t, vector));

for (const vector of hostileVectors)
  t.test(`hostile: ${vector.name}`, async (t) => checkVector(t, vector));

t.test(
  'any archive, whole or damaged, reads alike in any chunks, and never fails untyped',
  async (t) => {
    const sizes = fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.oneof(wellFormedArchive, damagedArchive), sizes, ({ bytes }, chunkSizes) => {
        const limits = { contentBytes: 2 ** 20 };
        const whole = read(bytes, { limits });
        const cut = read(bytes, { limits }, chunkSizes);
        t.strictSame(cut.entries, whole.entries);
        t.equal(cut.refusal?.message, whole.refusal?.message);
      }),
      { numRuns: 500 },
    );
  },
);

t.test('errors name archive, entry (escaped) and place', async (t) => {
  const bytes = archive(member({ name: 'ok' }), member({ name: 'bad\x1b[2J', flag: 'Z' }));
  const { refusal } = read(bytes, { what: 'layer sha256:0123' });
  t.match(refusal, { code: 'TAR_INVALID', details: { offset: 512 } });
  t.equal(
    refusal?.message,
    'layer sha256:0123 is not a valid tar archive: entry "bad\\u{1b}[2J": entry type 0x5a is not known (header at byte 512)',
  );
});

t.test('limits can be set one by one', async (t) => {
  const bytes = archive(...['a', 'b', 'c'].map((name) => member({ name }, 'x'.repeat(100))));
  const code = (limits: object) => read(bytes, { limits }).refusal?.code;
  t.equal(code({ entries: 3, contentBytes: 300 }), undefined);
  t.equal(code({ entries: 2 }), 'LIMIT_EXCEEDED');
  t.equal(code({ contentBytes: 299 }), 'LIMIT_EXCEEDED');
  t.equal(
    read(archive(pax([['a', 'b']])), { limits: { extensionBytes: 5 } }).refusal?.code,
    'LIMIT_EXCEEDED',
  );
});

t.test('an end marker can be demanded', async (t) => {
  const file = member({ name: 'a' }, 'x');
  const verdict = (bytes: Buffer) => read(bytes, { requireEndMarker: true }).refusal?.code;
  t.equal(verdict(archive(file)), undefined);
  t.equal(verdict(file), 'TAR_INVALID');
  t.equal(verdict(Buffer.concat([file, endMarker.subarray(512)])), 'TAR_INVALID');
  t.equal(verdict(Buffer.alloc(0)), 'TAR_INVALID');
});

t.test('a refusal is final', async (t) => {
  const reader = new TarReader({ entry: () => undefined, data: () => undefined });
  const first = attempt(() => reader.write(Buffer.alloc(512, 'x')));
  t.equal(first?.code, 'TAR_INVALID');
  t.equal(
    attempt(() => reader.write(archive())),
    first,
  );
  t.equal(
    attempt(() => reader.end()),
    first,
  );
});

t.test('an error of the handler passes through as it is and is final', async (t) => {
  const failure = new Error('disk full');
  const reader = new TarReader({
    entry: () => {
      throw failure;
    },
    data: () => undefined,
  });
  const bytes = archive(member({ name: 'a' }));
  t.throws(() => reader.write(bytes), failure);
  t.throws(() => reader.end(), failure);
});

t.test('holes arrive as zeros where the handler does not know holes', async (t) => {
  const size = 200_000;
  const bytes = archive(oldGnuSparse({ name: 's', realSize: size }, [[100_000, 3]], 'abc'));
  const parts: Buffer[] = [];
  const reader = new TarReader({
    entry: () => undefined,
    data: (chunk) => void parts.push(Buffer.from(chunk)),
  });
  reader.write(bytes);
  reader.end();
  const expected = Buffer.alloc(size);
  expected.write('abc', 100_000);
  t.ok(Buffer.concat(parts).equals(expected), 'the same content');
  t.equal(read(bytes).entries[0]?.holes, size - 3, 'and as holes where it does');
});

t.test('chunks may lie in shared memory', async (t) => {
  const bytes = archive(member({ name: 'a' }, 'shared'));
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  const seen: string[] = [];
  const reader = new TarReader({
    entry: ({ path }) => void seen.push(path),
    data: (chunk) => void seen.push(Buffer.from(chunk).toString()),
  });
  reader.write(shared);
  reader.end();
  t.strictSame(seen, ['a', 'shared']);
});

t.test('contents are views of the chunk, not copies', async (t) => {
  const bytes = archive(member({ name: 'a' }, 'x'.repeat(1000)));
  const views: Uint8Array[] = [];
  const reader = new TarReader({ entry: () => undefined, data: (chunk) => void views.push(chunk) });
  reader.write(bytes);
  reader.end();
  t.equal(views.length, 1);
  t.equal(views[0]?.buffer, bytes.buffer);
});

t.test('T17 a million empty entries are read one by one', async (t) => {
  const block = Buffer.concat(Array.from({ length: 10_000 }, () => member({ name: 'x' })));
  let entries = 0;
  const reader = new TarReader({ entry: () => void entries++, data: () => undefined });
  for (let turn = 0; turn < 100; turn++) reader.write(block);
  reader.write(endMarker);
  reader.end();
  t.equal(entries, 1_000_000);
});
