import { PassThrough, Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import t from 'tap';
import { archive, member } from '../../spec-fixtures/tar/builder.ts';
import { byteStringOf } from '../../src/model/index.ts';
import { readTar, type TarEntry, TarWriter } from '../../src/tar/index.ts';
import { read } from './support.ts';

const ignore = { entry: () => undefined, data: () => undefined };

function fileEntry(path: string, size: number): TarEntry {
  return {
    path: byteStringOf(path),
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size,
    mtime: 0n,
    linkName: byteStringOf(''),
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map(),
  };
}

t.test('readTar reads a stream and consumes what follows the archive', async (t) => {
  const bytes = Buffer.concat([archive(member({ name: 'a' }, 'abc')), Buffer.alloc(300_000, 'x')]);
  const source = Readable.from([bytes.subarray(0, 700), bytes.subarray(700)]);
  const paths: string[] = [];
  await readTar(source, { ...ignore, entry: (entry) => void paths.push(entry.path) });
  t.strictSame(paths, ['a']);
  t.equal(source.readableEnded, true);
});

t.test('readTar destroys the source when the archive is refused', async (t) => {
  const source = new PassThrough();
  source.write(Buffer.alloc(512, 'x'));
  await t.rejects(readTar(source, ignore, { what: 'layer' }), {
    code: 'TAR_INVALID',
    message: /^layer /,
  });
  t.equal(source.destroyed, true);
});

t.test('readTar passes on the errors of the source and sees that it was cut off', async (t) => {
  const source = new PassThrough();
  source.destroy(new Error('connection lost'));
  await t.rejects(readTar(source, ignore), { message: 'connection lost' });
  const half = archive(member({ name: 'a' }, 'abc')).subarray(0, 514);
  await t.rejects(readTar(Readable.from([half]), ignore), {
    code: 'TAR_INVALID',
    message: /cut off/,
  });
});

t.test('readTar stops a silent source when it is aborted', async (t) => {
  const source = new PassThrough();
  const controller = new AbortController();
  const reading = readTar(source, ignore, {}, controller.signal);
  const reason = new Error('enough');
  controller.abort(reason);
  await t.rejects(reading, reason);
  t.equal(source.destroyed, true);
});

t.test('readTar does not begin after an abort', async (t) => {
  const source = Readable.from([archive()]);
  await t.rejects(readTar(source, ignore, {}, AbortSignal.abort(new Error('early'))), {
    message: 'early',
  });
  t.equal(source.destroyed, true);
});

t.test('TarWriter writes entries with contents of bytes and of streams', async (t) => {
  const out = new PassThrough({ highWaterMark: 100 });
  const collected = buffer(out);
  const writer = new TarWriter(out);
  await writer.entry({ ...fileEntry('dir', 0), type: 'directory' });
  await writer.entry(fileEntry('bytes', 3), Buffer.from('abc'));
  await writer.entry(
    fileEntry('stream', 200_000),
    Readable.from([Buffer.alloc(150_000), Buffer.alloc(50_000)]),
  );
  await writer.finish();
  const bytes = await collected;
  t.equal(bytes.length % 512, 0);
  t.strictSame(
    read(bytes).entries.map(({ path, size }) => `${path} ${size}`),
    ['dir 0', 'bytes 3', 'stream 200000'],
  );
});

t.test('TarWriter waits for a slow destination', async (t) => {
  let pending = 0;
  let highest = 0;
  const slow = new Writable({
    highWaterMark: 1024,
    write(chunk: Buffer, _encoding, done) {
      pending += chunk.length;
      highest = Math.max(highest, this.writableLength);
      setImmediate(done);
    },
  });
  const writer = new TarWriter(slow);
  async function* content() {
    for (let turn = 0; turn < 100; turn++) yield Buffer.alloc(10_000);
  }
  await writer.entry(fileEntry('big', 1_000_000), content());
  await writer.finish();
  t.equal(pending, 1_000_000 + 512 + 1024 + (512 - (1_000_000 % 512)));
  t.ok(highest <= 20_000, `at most a chunk waits (${highest})`);
});

t.test('TarWriter refuses content that is not as long as the entry says', async (t) => {
  for (const content of ['abcd', 'ab']) {
    const out = new PassThrough();
    out.resume();
    const body = Readable.from([Buffer.from(content)]);
    const writing = new TarWriter(out).entry(fileEntry('f', 3), body);
    await t.rejects(writing, { code: 'SIZE_MISMATCH', suggestion: /changed/ });
    t.equal(body.destroyed, true);
  }
});

t.test('TarWriter destroys the body when the entry itself is refused', async (t) => {
  const body = Readable.from([Buffer.from('x')]);
  const writing = new TarWriter(new PassThrough()).entry(fileEntry('f/', 1), body);
  await t.rejects(writing, { code: 'TAR_INVALID' });
  t.equal(body.destroyed, true);
});

t.test('TarWriter fails when the destination fails, while waiting and later', async (t) => {
  const stuck = new Writable({ highWaterMark: 1, write: () => undefined });
  const writer = new TarWriter(stuck);
  const waiting = writer.entry(fileEntry('f', 1), Buffer.from('x'));
  stuck.destroy(new Error('no space'));
  await t.rejects(waiting, { message: 'no space' });
  await t.rejects(writer.entry(fileEntry('g', 0)), { message: 'no space' });
  await t.rejects(writer.finish(), { message: 'no space' });
});

t.test('TarWriter fails when the destination is closed without an error', async (t) => {
  const closed = new Writable({ highWaterMark: 1, write: () => undefined });
  const writer = new TarWriter(closed);
  const waiting = writer.entry(fileEntry('f', 1), Buffer.from('x'));
  closed.destroy();
  await t.rejects(waiting);
  await t.rejects(writer.finish());
});
