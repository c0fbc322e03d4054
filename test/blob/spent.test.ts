/** Only what was marked as read once is given back, and only whole buffers are. */

import t from 'tap';
import { endChunk, markSingleReader } from '../../src/blob/index.ts';

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
