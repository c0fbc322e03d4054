/** Verified streams, taps and small contents. */

import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import {
  abortable,
  type BlobSink,
  bytesSource,
  copyBlob,
  countBytes,
  DigestTap,
  digestStream,
  readAll,
  streamOf,
  takeUnverified,
  verifyStream,
} from '../../src/blob/index.ts';
import { descriptorOf, digestOf } from '../../src/model/index.ts';
import { fc, seed } from '../support/property.ts';

const type = 'application/octet-stream';
const hello = Buffer.from('hello');
const descriptor = descriptorOf(hello, type);

t.test('what is right passes unchanged, however it is cut into chunks', async (t) => {
  const property = fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 50 })), async (chunks) => {
    const whole = Buffer.concat(chunks);
    const body = Readable.from(chunks, { objectMode: false });
    const seen = await readAll(verifyStream(body, descriptorOf(whole, type)), 1e6);
    return seen.equals(whole);
  });
  t.comment(`seed ${seed}`);
  t.equal((await fc.check(property)).failed, false);
});

t.test('M03: size is judged before the digest, and nothing past it is passed on', async (t) => {
  const cases = [
    { size: 4, code: 'SIZE_MISMATCH', passed: 0 },
    { size: 6, code: 'SIZE_MISMATCH', passed: 5 },
    { size: 0, code: 'SIZE_MISMATCH', passed: 0 },
  ];
  for (const { size, code, passed } of cases) {
    const stream = verifyStream(streamOf(hello), { ...descriptor, size });
    let seen = 0;
    stream.on('data', (chunk) => {
      seen += chunk.length;
    });
    await t.rejects(
      new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject)),
      { code },
    );
    t.equal(seen, passed);
  }
});

t.test('M03: an endless body is cut off', async (t) => {
  let produced = 0;
  const endless = new Readable({
    read() {
      produced += 1000;
      this.push(Buffer.alloc(1000));
    },
  });
  await t.rejects(readAll(verifyStream(endless, descriptor), 1e9), { code: 'SIZE_MISMATCH' });
  t.ok(endless.destroyed);
  t.ok(produced < 1_000_000);
});

t.test('M06: right size, wrong digest', async (t) => {
  const wrong = { ...descriptor, digest: digestOf('other') };
  await t.rejects(readAll(verifyStream(streamOf(hello), wrong, 'layer 1'), 100), {
    code: 'DIGEST_MISMATCH',
    message: /^layer 1: /,
    details: { actualDigest: descriptor.digest },
  });
});

t.test('M05: sha512 is verified as well', async (t) => {
  const sha512 = { ...descriptor, digest: digestOf(hello, 'sha512') };
  t.ok((await readAll(verifyStream(streamOf(hello), sha512), 100)).equals(hello));
  const wrong = { ...sha512, digest: digestOf('x', 'sha512') };
  await t.rejects(readAll(verifyStream(streamOf(hello), wrong), 100), { code: 'DIGEST_MISMATCH' });
});

t.test('a body that fails, closes early or was destroyed before fails the stream', async (t) => {
  const failing = new Readable({
    read() {
      this.destroy(new Error('network'));
    },
  });
  await t.rejects(readAll(verifyStream(failing, descriptor), 100), { message: 'network' });
  const closing = new Readable({ read() {} });
  const closed = readAll(verifyStream(closing, descriptor), 100);
  await sleep(5);
  closing.destroy();
  await t.rejects(closed, { code: 'SIZE_MISMATCH' });
  const dead = new Readable({ read() {} });
  dead.destroy();
  await sleep(5);
  await t.rejects(readAll(verifyStream(dead, descriptor), 100), { code: 'SIZE_MISMATCH' });
});

t.test('destroying the stream destroys the body', async (t) => {
  const body = new Readable({ read() {} });
  const stream = verifyStream(body, descriptor);
  stream.resume();
  await sleep(1);
  stream.destroy();
  t.ok(body.destroyed);
});

t.test('a slow reader holds the body back', async (t) => {
  let produced = 0;
  const size = 50_000_000;
  const body = new Readable({
    read() {
      produced += 65_536;
      this.push(produced > size ? null : Buffer.alloc(65_536));
    },
  });
  const stream = verifyStream(body, { ...descriptor, size });
  stream.once('readable', () => stream.read(1));
  await sleep(20);
  t.ok(produced < 1_000_000, `${produced} bytes were read ahead`);
  stream.destroy();
});

t.test('an unread body can be taken back to be verified elsewhere, once', async (t) => {
  const stream = verifyStream(streamOf(hello), descriptor);
  t.equal(takeUnverified(stream, { ...descriptor, size: 6 }), undefined);
  const body = takeUnverified(stream, descriptor);
  t.ok((await readAll(body as Readable, 100)).equals(hello));
  t.equal(takeUnverified(stream, descriptor), undefined);
  const begun = verifyStream(streamOf(hello), descriptor);
  begun.read(1);
  t.equal(takeUnverified(begun, descriptor), undefined);
  t.equal(takeUnverified(streamOf(hello), descriptor), undefined);
});

t.test('counting tells running totals and passes errors on', async (t) => {
  const totals: number[] = [];
  const body = Readable.from([Buffer.from('ab'), Buffer.from('c')], { objectMode: false });
  t.equal(
    (
      await readAll(
        countBytes(body, (n) => totals.push(n)),
        10,
      )
    ).toString(),
    'abc',
  );
  t.same(totals, [2, 3]);
  const failing = new Readable({
    read() {
      this.destroy(new Error('network'));
    },
  });
  await t.rejects(
    readAll(
      countBytes(failing, () => {}),
      10,
    ),
    { message: 'network' },
  );
});

t.test('a digest tap and a digest stream agree', async (t) => {
  const tap = new DigestTap('sha512');
  t.equal((await readAll(streamOf(hello).pipe(tap), 10)).toString(), 'hello');
  const expected = { digest: digestOf(hello, 'sha512'), size: 5 };
  t.same(tap.result(), expected);
  t.same(await digestStream(streamOf(hello), 'sha512'), expected);
});

t.test('reading all has a limit', async (t) => {
  t.equal((await readAll(streamOf(hello), 5)).toString(), 'hello');
  const body = streamOf(hello);
  await t.rejects(readAll(body, 4, 'manifest'), {
    code: 'LIMIT_EXCEEDED',
    message: 'manifest is larger than 4 bytes',
  });
  t.ok(body.destroyed);
});

t.test('a signal destroys what waits', async (t) => {
  const abort = new AbortController();
  const waiting = readAll(abortable(new Readable({ read() {} }), abort.signal), 10);
  abort.abort(new Error('enough'));
  await t.rejects(waiting, { message: 'enough' });
  await t.rejects(readAll(abortable(new Readable({ read() {} }), abort.signal), 10), {
    message: 'enough',
  });
});

t.test('memory serves what it holds', async (t) => {
  const source = bytesSource(hello, Buffer.from('other'));
  t.ok((await readAll(await source.open(descriptor), 10)).equals(hello));
  await t.rejects(source.open(descriptorOf(Buffer.from('absent'), type)), {
    code: 'BLOB_NOT_FOUND',
  });
});

t.test('copying opens the source only if the sink wants the bytes', async (t) => {
  let opened = 0;
  const source = {
    open: async () => {
      opened += 1;
      return streamOf(hello);
    },
  };
  const full: BlobSink = { put: async () => 'present' };
  t.equal(await copyBlob(source, full, descriptor), 'present');
  t.equal(opened, 0);
  const retrying: BlobSink = {
    put: async (_, open) => {
      await readAll(await open(), 10);
      await readAll(await open(), 10);
      return 'uploaded';
    },
  };
  t.equal(await copyBlob(source, retrying, descriptor), 'uploaded');
  t.equal(opened, 2);
});
