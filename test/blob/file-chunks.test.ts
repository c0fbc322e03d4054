/** Reading files in large chunks: all of them, from any offset, and the file is closed whatever happens. */

import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { endChunk, readFileChunks } from '../../src/blob/index.ts';

const content = Buffer.alloc(2_500_000, 'some text that is no multiple of anything. ');
const path = join(t.testdir(), 'file');
await writeFile(path, content);

t.test('all bytes from an offset on, whatever was expected', async (t) => {
  for (const [start, expected] of [
    [0, content.length],
    [0, undefined],
    [1_234_567, content.length - 1_234_567],
    [0, 10],
    [content.length, 0],
  ] as const) {
    const file = await open(path);
    const read = readFileChunks(file, { start, ...(expected === undefined ? {} : { expected }) });
    t.ok((await buffer(read)).equals(content.subarray(start)), `${start} ${expected}`);
    t.equal(file.fd, -1, 'closed');
  }
});

t.test('the memory of a chunk goes when its reader says so', async (t) => {
  const sizes: number[] = [];
  for await (const chunk of readFileChunks(await open(path))) {
    sizes.push(chunk.length);
    endChunk(chunk);
    t.equal(chunk.length, 0);
  }
  t.same(sizes, [2 ** 20, 2 ** 20, content.length - 2 * 2 ** 20]);
});

t.test(
  'the file is closed when the reader has had enough, before, amid and after reading',
  async (t) => {
    for (const chunks of [0, 1, 10]) {
      const file = await open(path);
      const read = readFileChunks(file);
      let count = 0;
      if (chunks > 0) for await (const _ of read) if (++count === chunks) break;
      read.destroy();
      while (file.fd !== -1) await setImmediate();
      t.pass(`after ${count}`);
    }
  },
);

t.test('a file that is to stay open does', async (t) => {
  await using file = await open(path);
  for (let i = 0; i < 2; i += 1)
    t.equal((await buffer(readFileChunks(file, { keepOpen: true }))).length, content.length);
});

t.test('a failure to read is one of the stream', async (t) => {
  const file = await open(t.testdir());
  await t.rejects(buffer(readFileChunks(file)), { code: 'EISDIR' });
  t.equal(file.fd, -1);
});
