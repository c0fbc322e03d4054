/** Writing on threads gives what writing here gives, for many contents at once, and never hangs. */

import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  type ContentWriter,
  lendChunk,
  markSingleReader,
  WriteThreads,
  writeHere,
} from '../../src/blob/index.ts';
import type { DigestAlgorithm } from '../../src/model/index.ts';

const expected = (text: string, algorithm: DigestAlgorithm = 'sha256') =>
  `${algorithm}:${createHash(algorithm).update(text).digest('hex')}`;

/** A new file, closed when the test ends. */
async function newFile(t: Test, flags = 'w+'): Promise<{ path: string; file: FileHandle }> {
  const path = join(t.testdir(), 'file');
  const file = await open(path, flags);
  t.teardown(() => file.close());
  return { path, file };
}

function newThreads(t: Test, limit = 1): WriteThreads {
  const threads = new WriteThreads(limit);
  t.teardown(() => threads[Symbol.asyncDispose]());
  return threads;
}

t.test('many contents at once, on fewer threads, in pieces', async (t) => {
  const threads = newThreads(t, 2);
  const texts = Array.from({ length: 9 }, (_, i) => `content ${i} `.repeat(i * 1000));
  const directory = t.testdir();
  for (const [way, writerFor] of [
    ['on threads', (file: FileHandle, a: DigestAlgorithm) => threads.writer(file, a)],
    ['here', writeHere],
  ] as const) {
    const written = texts.map(async (text, i) => {
      const path = join(directory, `${way}-${i}`);
      await using file = await open(path, 'w');
      const writer = writerFor(file, i % 2 === 0 ? 'sha256' : 'sha512');
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; at += 777)
        await writer.write([bytes.subarray(at, at + 300), bytes.subarray(at + 300, at + 777)]);
      const digest = await writer.digest();
      await writer.drop();
      return { digest, text: await readFile(path, 'utf8') };
    });
    t.strictSame(
      await Promise.all(written),
      texts.map((text, i) => ({ digest: expected(text, i % 2 === 0 ? 'sha256' : 'sha512'), text })),
      way,
    );
  }
});

t.test('what one reader has is handed over, anything else is copied', async (t) => {
  const { path, file } = await newFile(t);
  const writer = newThreads(t).writer(file, 'sha256');
  const own = Buffer.allocUnsafeSlow(5).fill('a');
  markSingleReader(own);
  const shared = new Uint8Array(new SharedArrayBuffer(2)).fill(98);
  const part = Buffer.from('xccx').subarray(1, 3);
  await writer.write([own, shared, part]);
  t.equal(own.length, 0, 'gone from here');
  t.equal(shared[0], 98);
  t.equal(part.toString(), 'cc');
  t.equal(await writer.digest(), expected('aaaaabbcc'));
  t.equal(await readFile(path, 'utf8'), 'aaaaabbcc');
});

t.test('lent memory is shared, and comes back when it is written', async (t) => {
  const { path, file } = await newFile(t);
  const writer = newThreads(t).writer(file, 'sha256');
  const lent = lendChunk().subarray(0, 3);
  lent.set(Buffer.from('abc'));
  markSingleReader(lent, { part: true });
  const write = writer.write([lent]);
  t.not(lendChunk().buffer, lent.buffer, 'it is in use');
  await write;
  t.equal(lendChunk().buffer, lent.buffer);
  t.equal(await writer.digest(), expected('abc'));
  t.equal(await readFile(path, 'utf8'), 'abc');
});

t.test('calls need not wait for one another', async (t) => {
  const texts = Array.from({ length: 50 }, (_, i) => `${i},`);
  const write = async (writer: ContentWriter) => {
    await Promise.all(texts.map((text) => writer.write([Buffer.from(text)])));
    return writer.digest();
  };
  const { file } = await newFile(t);
  t.equal(await write(writeHere(file, 'sha256')), expected(texts.join('')));
  t.equal(await write(newThreads(t).writer(file, 'sha256')), expected(texts.join('')));
});

t.test('what is given up does not disturb the others', async (t) => {
  const threads = newThreads(t);
  const { file } = await newFile(t);
  const [first, second] = [threads.writer(file, 'sha256'), threads.writer(file, 'sha256')];
  await first.write([Buffer.from('x')]);
  await first.drop();
  await first.drop();
  await second.write([Buffer.from('y')]);
  t.equal(await second.digest(), expected('y'));
});

t.test('giving up waits for what is being written', async (t) => {
  const { path, file } = await newFile(t);
  for (const writer of [writeHere(file, 'sha256'), newThreads(t).writer(file, 'sha256')]) {
    await file.truncate();
    writer.write([Buffer.alloc(2 ** 20)]).catch(() => {});
    await writer.drop();
    t.ok((await readFile(path)).length >= 2 ** 20, 'it is all there');
  }
});

t.test('what the file system says comes out, with its code', async (t) => {
  const path = join(t.testdir({ file: '' }), 'file');
  await using file = await open(path, 'r');
  for (const writer of [writeHere(file, 'sha256'), newThreads(t).writer(file, 'sha256')]) {
    await t.rejects(writer.write([Buffer.from('x')]), { code: 'EBADF' });
    await writer.drop();
  }
  await using full = await open('/dev/full', 'w');
  const writer = newThreads(t).writer(full, 'sha256');
  await t.rejects(writer.write([Buffer.from('x')]), { code: 'ENOSPC' });
  await writer.drop();
});

t.test('when the threads end, open calls and later ones fail', async (t) => {
  const threads = new WriteThreads(1);
  const { file } = await newFile(t);
  const writer = threads.writer(file, 'sha256');
  const write = writer.write([Buffer.alloc(1024)]);
  const [outcome] = await Promise.allSettled([write, threads[Symbol.asyncDispose]()]);
  if (outcome?.status === 'rejected') t.match(outcome.reason, { code: 'INTERNAL' });
  await t.rejects(writer.write([Buffer.alloc(1)]), { code: 'INTERNAL' });
  await t.rejects(writer.digest(), { code: 'INTERNAL' });
  await writer.drop();
});

t.test('a thread that died is replaced', async (t) => {
  const threads = newThreads(t);
  const { file } = await newFile(t);
  const broken = threads.writer(file, 'no such algorithm' as DigestAlgorithm);
  await t.rejects(broken.write([Buffer.from('x')]));
  const writer = threads.writer(file, 'sha256');
  await writer.write([Buffer.from('z')]);
  t.equal(await writer.digest(), expected('z'));
});
