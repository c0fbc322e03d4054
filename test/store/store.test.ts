/** The store's everyday life: blobs in, blobs out, verified, shared. */

import { randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import t from 'tap';
import { bytesSource, readAll, streamOf } from '../../src/blob/index.ts';
import { descriptorOf, digestOf } from '../../src/model/index.ts';
import { openStore } from '../../src/store/index.ts';

const type = 'application/octet-stream';

t.test('a fetched blob is there, read-only, and downloaded once', async (t) => {
  const home = t.testdir();
  await using store = await openStore(join(home, 'state'));
  const bytes = randomBytes(3_000_000);
  const descriptor = descriptorOf(bytes, type);
  let opened = 0;
  const source = {
    open: async () => {
      opened += 1;
      return streamOf(bytes);
    },
  };
  const outcomes = await Promise.all([
    store.fetch(descriptor, source),
    store.fetch(descriptor, source),
    store.fetch(descriptor, source),
  ]);
  t.same(outcomes.toSorted(), ['fetched', 'present', 'present']);
  t.equal(opened, 1);
  t.equal((await stat(await store.pathOf(descriptor.digest))).mode & 0o777, 0o444);
  t.ok((await readAll(await store.open(descriptor), 1e8)).equals(bytes));
  t.same(await readdir(store.paths.ingest), []);
  const kinds = (await readdir(store.paths.locks)).map((name) => name.split('-')[0]);
  t.same(kinds.toSorted(), ['gate', 'ingest', 'lease'], 'the lock of the download is gone');
});

t.test('ingest reports digest and size of what it wrote, in either algorithm', async (t) => {
  await using store = await openStore(join(t.testdir(), 'state'));
  const bytes = randomBytes(70_000);
  t.same(await store.ingest(streamOf(bytes)), { digest: digestOf(bytes), size: 70_000 });
  const sha512 = digestOf(bytes, 'sha512');
  t.same(await store.ingest(streamOf(bytes), { digest: sha512 }), { digest: sha512, size: 70_000 });
  t.same(await store.ingest(Readable.from([])), { digest: digestOf(''), size: 0 });
});

t.test('M03: content that is not what was announced is refused and leaves nothing', async (t) => {
  await using store = await openStore(join(t.testdir(), 'state'));
  const bytes = Buffer.from('hello');
  const good = descriptorOf(bytes, type);
  const cases = [
    { descriptor: { ...good, size: 4 }, code: 'SIZE_MISMATCH' },
    { descriptor: { ...good, size: 6 }, code: 'SIZE_MISMATCH' },
    { descriptor: { ...good, digest: digestOf('other') }, code: 'DIGEST_MISMATCH' },
  ];
  for (const { descriptor, code } of cases) {
    await t.rejects(store.fetch(descriptor, { open: async () => streamOf(bytes) }), { code });
    t.notOk(await store.has(descriptor.digest));
  }
  t.same(await readdir(store.paths.ingest), []);
  t.equal(await store.fetch(good, bytesSource(bytes)), 'fetched');
  await t.rejects(store.fetch({ ...good, size: 4 }, bytesSource(bytes)), { code: 'SIZE_MISMATCH' });
  await t.rejects(store.open({ ...good, size: 4 }), { code: 'SIZE_MISMATCH' });
  t.ok(await store.has(good.digest), 'the right blob is not blamed for a wrong descriptor');
});

t.test('content that is large enough for a thread of its own is judged as any other', async (t) => {
  await using store = await openStore(join(t.testdir(), 'state'));
  const bytes = randomBytes(17 * 1024 * 1024 + 1);
  const good = descriptorOf(bytes, type);
  const open = async () => Readable.from(pieces(bytes, 300_000), { objectMode: false });
  const bad = { ...good, digest: digestOf('other') };
  await t.rejects(store.fetch(bad, { open }), { code: 'DIGEST_MISMATCH' });
  const short = { ...good, size: good.size + 1 };
  await t.rejects(store.fetch(short, { open }), { code: 'SIZE_MISMATCH' });
  const cut = new Error('cut');
  const failing = async () => Readable.from(pieces(bytes, 300_000, cut), { objectMode: false });
  await t.rejects(store.fetch(good, { open: failing }), 'a source that fails');
  t.same(await readdir(store.paths.ingest), []);
  const written = await store.ingest(await open(), { size: good.size });
  t.same(written, { digest: good.digest, size: good.size });
  t.ok((await readAll(await store.open(good), 1e8)).equals(bytes));
});

function* pieces(bytes: Buffer, size: number, failure?: Error): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) {
    if (failure !== undefined && at > bytes.length / 2) throw failure;
    yield bytes.subarray(at, at + size);
  }
}

t.test('the layout is one that others read', async (t) => {
  await using store = await openStore(join(t.testdir(), 'state'));
  t.same(JSON.parse(await readFile(join(store.paths.layout, 'oci-layout'), 'utf8')), {
    imageLayoutVersion: '1.0.0',
  });
  t.equal(
    JSON.parse(await readFile(join(store.paths.layout, 'index.json'), 'utf8')).schemaVersion,
    2,
  );
});

t.test('a newer format is refused and left untouched', async (t) => {
  const home = t.testdir({ format: '2\n', store: { 'index.json': 'from the future' } });
  await t.rejects(openStore(home), { code: 'STORE_FORMAT_UNSUPPORTED', exitCode: 2 });
  t.same(await readdir(home), ['format', 'store']);
  t.equal(await readFile(join(home, 'store/index.json'), 'utf8'), 'from the future');
});

t.test('a directory with other things in it is not taken over', async (t) => {
  const home = t.testdir({ 'thesis.txt': 'do not touch' });
  await t.rejects(openStore(home), { code: 'CONFIG_INVALID' });
  t.same(await readdir(home), ['thesis.txt']);
});

t.test('df counts what is there', async (t) => {
  await using store = await openStore(join(t.testdir(), 'state'));
  await store.ingest(streamOf(randomBytes(1000)));
  const usage = await store.df();
  t.match(usage, {
    blobs: { count: 1, bytes: 1000 },
    rootfs: { count: 0 },
    quarantine: { count: 0 },
  });
  t.ok(usage.freeBytes > 0);
});

t.test('records come back as they were written, and damage makes them absent', async (t) => {
  await using store = await openStore(join(t.testdir(), 'state'));
  await store.records.write('mount', 'example.com/a b:ü', { seen: ['x'] });
  t.same(await store.records.read('mount', 'example.com/a b:ü'), { seen: ['x'] });
  t.same(await store.records.list('mount'), [{ key: 'example.com/a b:ü', value: { seen: ['x'] } }]);
  t.equal(await store.records.read('mount', 'absent'), undefined);
  const [file = ''] = await readdir(join(store.paths.records, 'mount'));
  await chmod(join(store.paths.records, 'mount', file), 0o644);
  await writeFile(join(store.paths.records, 'mount', file), '{"key');
  t.equal(await store.records.read('mount', 'example.com/a b:ü'), undefined);
  await store.records.remove('mount', 'example.com/a b:ü');
  t.same(await store.records.list('mount'), []);
});

t.test('an abort ends a fetch, leaves nothing, and lets the next in line go on', async (t) => {
  await using store = await openStore(join(t.testdir(), 'state'));
  const bytes = randomBytes(100_000);
  const descriptor = descriptorOf(bytes, type);
  const abort = new AbortController();
  const stalled = store.fetch(
    descriptor,
    { open: async () => new Readable({ read() {} }) },
    { signal: abort.signal },
  );
  const follower = store.fetch(descriptor, bytesSource(bytes));
  abort.abort(new Error('enough'));
  await t.rejects(stalled, { message: 'enough' });
  t.equal(await follower, 'fetched');
  t.same(await readdir(store.paths.ingest), []);
});
