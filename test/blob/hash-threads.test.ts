/** Hashing on threads gives what hashing here gives, for many contents at once, and never hangs. */

import { createHash } from 'node:crypto';
import t from 'tap';
import { HashThreads, hashHere } from '../../src/blob/index.ts';
import type { DigestAlgorithm } from '../../src/model/index.ts';

const expected = (text: string, algorithm: DigestAlgorithm = 'sha256') =>
  `${algorithm}:${createHash(algorithm).update(text).digest('hex')}`;

t.test('many contents at once, on fewer threads, in pieces', async (t) => {
  await using threads = new HashThreads(2);
  const texts = Array.from({ length: 9 }, (_, i) => `content ${i} `.repeat(i * 1000));
  const digests = texts.map(async (text, i) => {
    const hash = threads.hash(i % 2 === 0 ? 'sha256' : 'sha512');
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += 777) await hash.update(bytes.subarray(at, at + 777));
    return hash.digest();
  });
  t.strictSame(
    await Promise.all(digests),
    texts.map((text, i) => expected(text, i % 2 === 0 ? 'sha256' : 'sha512')),
  );
});

t.test('shared memory is hashed as it was when it was handed over', async (t) => {
  await using threads = new HashThreads(1);
  const bytes = new Uint8Array(new SharedArrayBuffer(4)).fill(97);
  const hash = threads.hash('sha256');
  await hash.update(bytes);
  bytes.fill(98);
  await hash.update(bytes);
  t.equal(await hash.digest(), expected('aaaabbbb'));
});

t.test('what is given up does not disturb the others', async (t) => {
  await using threads = new HashThreads(1);
  const [first, second] = [threads.hash('sha256'), threads.hash('sha256')];
  await first.update(Buffer.from('x'));
  first.drop();
  first.drop();
  await second.update(Buffer.from('y'));
  t.equal(await second.digest(), expected('y'));
});

t.test('when the threads end, open calls and later ones fail', async (t) => {
  const threads = new HashThreads(1);
  const hash = threads.hash('sha256');
  const update = hash.update(Buffer.alloc(1024));
  const [outcome] = await Promise.allSettled([update, threads[Symbol.asyncDispose]()]);
  if (outcome?.status === 'rejected') t.match(outcome.reason, { code: 'INTERNAL' });
  await t.rejects(hash.update(Buffer.alloc(1)), { code: 'INTERNAL' });
  await t.rejects(hash.digest(), { code: 'INTERNAL' });
  hash.drop();
});

t.test('a thread that died is replaced', async (t) => {
  await using threads = new HashThreads(1);
  const broken = threads.hash('no such algorithm' as DigestAlgorithm);
  await t.rejects(broken.update(Buffer.from('x')));
  const hash = threads.hash('sha256');
  await hash.update(Buffer.from('z'));
  t.equal(await hash.digest(), expected('z'));
});

t.test('hashing here has the same shape', async (t) => {
  const hash = hashHere('sha256');
  await hash.update(Buffer.from('q'));
  t.equal(await hash.digest(), expected('q'));
  hash.drop();
});
