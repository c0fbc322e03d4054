/** Only what was marked as read once is given back, and only whole buffers are. */

import t from 'tap';
import { endChunk, endedWhenTaken, markSingleReader } from '../../src/blob/index.ts';

t.test('a marked chunk has no bytes after its end', async (t) => {
  const chunk = new Uint8Array(100_000);
  markSingleReader(chunk);
  t.equal(chunk.length, 100_000);
  endChunk(chunk);
  t.equal(chunk.length, 0);
  t.doesNotThrow(() => endChunk(chunk), 'ending it twice is harmless');
});

t.test('nothing else is touched', async (t) => {
  const plain = new Uint8Array(10);
  endChunk(plain);
  t.equal(plain.length, 10, 'not marked');
  const whole = new Uint8Array(10);
  const part = whole.subarray(0, 5);
  markSingleReader(part);
  endChunk(part);
  endChunk(whole);
  t.equal(whole.length, 10, 'a part of a larger buffer');
  const pooled = Buffer.from('pooled');
  markSingleReader(pooled);
  endChunk(pooled);
  t.equal(pooled.toString(), 'pooled');
});

t.test('chunks are ended when the next is asked for, but for small ones and parts', async (t) => {
  const [large, small, whole, last] = [100, 10, 200, 100].map((size) => new Uint8Array(size));
  const part = whole?.subarray(0, 150);
  const chunks = [large, small, part, last].filter((chunk) => chunk !== undefined);
  for (const chunk of chunks) markSingleReader(chunk, { part: true });
  const lengths: number[][] = [];
  for await (const chunk of endedWhenTaken(chunks as unknown as AsyncIterable<Uint8Array>, 50)) {
    t.ok(chunk.length > 0, 'whole while it is looked at');
    lengths.push(chunks.map(({ length }) => length));
  }
  t.same(lengths.at(-1), [0, 10, 150, 100]);
  t.same(
    chunks.map(({ length }) => length),
    [0, 10, 150, 0],
  );
});
