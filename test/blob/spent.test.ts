/** Only what was marked as read once is given back, and only whole buffers are; what is lent comes back. */

import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import {
  endChunk,
  endedWhenTaken,
  lendChunk,
  lentSize,
  markSingleReader,
} from '../../src/blob/index.ts';

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

t.test('lent memory is used again when it was ended, and by one chunk at a time', async (t) => {
  const [first, second] = [lendChunk(), lendChunk()];
  t.equal(first.length, lentSize);
  t.not(first.buffer, second.buffer);
  endChunk(first);
  t.not(lendChunk().buffer, first.buffer, 'not without a mark');
  markSingleReader(first.subarray(10), { part: true });
  endChunk(first);
  endChunk(first);
  t.equal(lendChunk().buffer, first.buffer);
  t.not(lendChunk().buffer, first.buffer, 'it came back once');
});

t.test('what nobody gives back has a limit, and what is collected does not count', async (t) => {
  const isShared = ({ buffer }: Uint8Array) => buffer instanceof SharedArrayBuffer;
  const lend = () => Array.from({ length: 100 }, () => isShared(lendChunk()));
  t.ok(lend().includes(false), 'memory like any other follows');
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  for (let i = 0; i < 100 && !isShared(lendChunk()); i += 1) {
    collect();
    await sleep(10);
  }
  t.ok(isShared(lendChunk()), 'and then there is lent memory again');
});
