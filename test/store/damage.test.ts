/** L09: whatever lies where a blob should be, the store mends itself and never blocks. */

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmod,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { bytesSource, readAll } from '../../src/blob/index.ts';
import { descriptorOf } from '../../src/model/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';

const bytes = randomBytes(200_000);
const descriptor = descriptorOf(bytes, 'application/octet-stream');

/** A store in which the blob has been replaced by something else, as a fresh process finds it. */
async function damagedStore(t: Test, damage: (path: string) => Promise<void>): Promise<Store> {
  const home = join(t.testdir(), 'state');
  const { size, digest } = descriptor;
  {
    await using store = await openStore(home);
    await store.ingest((await bytesSource(bytes).open(descriptor)) as never, { digest, size });
    const path = await store.pathOf(digest);
    await chmod(path, 0o644);
    await damage(path);
  }
  const store = await openStore(home);
  t.teardown(() => store[Symbol.asyncDispose]());
  return store;
}

async function flipBit(path: string): Promise<void> {
  const { mtime } = await stat(path);
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, 1234);
  await file.write(Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, 1234);
  await file.close();
  await utimes(path, mtime, mtime);
}

async function replaceBy(path: string, make: () => Promise<unknown>): Promise<void> {
  await rm(path);
  await make();
}

const damages: Readonly<Record<string, (path: string) => Promise<void>>> = {
  truncated: (path) => truncate(path, 1000),
  'zero-length': (path) => truncate(path, 0),
  'one bit flipped': flipBit,
  'one byte longer': (path) => writeFile(path, 'x', { flag: 'a' }),
  'replaced by a directory': (path) =>
    replaceBy(path, () => mkdir(join(path, 'sub'), { recursive: true })),
  'replaced by a link to a file': (path) => replaceBy(path, () => symlink('/etc/passwd', path)),
  'replaced by a link to nothing': (path) => replaceBy(path, () => symlink('/nowhere', path)),
  'replaced by a FIFO': (path) => replaceBy(path, async () => execFileSync('mkfifo', [path])),
};

for (const [name, damage] of Object.entries(damages)) {
  t.test(`L09: a blob that is ${name} is set aside and fetched again`, async (t) => {
    const store = await damagedStore(t, damage);
    t.equal(await store.fetch(descriptor, bytesSource(bytes)), 'fetched');
    t.ok((await readAll(await store.open(descriptor), 1e8)).equals(bytes));
    t.equal((await readdir(store.paths.quarantine)).length, 1, 'kept for whoever wants to look');
    t.same((await store.verify()).damaged, []);
  });

  t.test(`L09: reading a blob that is ${name} fails, and the next fetch mends it`, async (t) => {
    const store = await damagedStore(t, damage);
    await t.rejects(store.open(descriptor), { code: 'STORE_DAMAGED', retryable: true });
    await t.rejects(store.pathOf(descriptor.digest), { code: 'BLOB_NOT_FOUND' });
    t.equal(await store.fetch(descriptor, bytesSource(bytes)), 'fetched');
  });

  t.test(`L09: verify finds a blob that is ${name}`, async (t) => {
    const store = await damagedStore(t, damage);
    const report = await store.verify();
    t.match(report, { checkedBlobs: 0, damaged: [{ name: descriptor.digest }] });
    t.notOk(await store.has(descriptor.digest));
    t.same((await store.verify()).damaged, []);
  });
}

t.test('L09: damage that happens while a process runs is noticed', async (t) => {
  const store = await damagedStore(t, async () => {});
  const path = await store.pathOf(descriptor.digest);
  await chmod(path, 0o644);
  await writeFile(path, 'y', { flag: 'a' });
  await t.rejects(store.open(descriptor), { code: 'STORE_DAMAGED' });
});

t.test('L09: a reader keeps what it has open while the blob is set aside', async (t) => {
  const store = await damagedStore(t, async () => {});
  const reader = await store.open(descriptor);
  await truncate(await store.pathOf(descriptor.digest), 200_000);
  await rm(await store.pathOf(descriptor.digest));
  t.ok((await readAll(reader, 1e8)).equals(bytes));
});

t.test('L09: names that are no digests and things in the way are set aside', async (t) => {
  const store = await damagedStore(t, async () => {});
  const stray = join(store.paths.layout, 'blobs/sha256/README');
  await writeFile(stray, 'hello');
  t.match(await store.verify(), { checkedBlobs: 1, damaged: [{ name: stray }] });
  const other = randomBytes(10);
  const blob = descriptorOf(other, 'application/octet-stream');
  await mkdir(join(store.paths.blob(blob.digest), 'full'), { recursive: true });
  t.equal(await store.fetch(blob, bytesSource(other)), 'fetched');
});

for (const [name, content] of Object.entries({ missing: undefined, broken: '{', empty: '' })) {
  t.test(`L09: layout files that are ${name} are made again`, async (t) => {
    const store = await damagedStore(t, async () => {});
    for (const file of ['oci-layout', 'index.json']) {
      const path = join(store.paths.layout, file);
      await rm(path);
      if (content !== undefined) await writeFile(path, content);
    }
    await using again = await openStore(store.paths.home);
    t.match(JSON.parse(await readFile(join(again.paths.layout, 'oci-layout'), 'utf8')), {
      imageLayoutVersion: '1.0.0',
    });
    t.match(JSON.parse(await readFile(join(again.paths.layout, 'index.json'), 'utf8')), {
      manifests: [],
    });
    t.ok(await again.has(descriptor.digest), 'blobs need no index');
  });
}

t.test('L09: directories that are missing are made again', async (t) => {
  const store = await damagedStore(t, async () => {});
  const { layout, locks, leases, ...paths } = store.paths;
  for (const path of [layout, locks, leases, paths.quarantine, paths.builds, paths.rootfs]) {
    await rm(path, { recursive: true });
  }
  await using again = await openStore(store.paths.home);
  t.equal(await again.fetch(descriptor, bytesSource(bytes)), 'fetched');
});

for (const format of ['2\n', '1.5\n', '', 'docker']) {
  t.test(`L09: state of the format ${JSON.stringify(format)} is refused untouched`, async (t) => {
    const store = await damagedStore(t, async () => {});
    await writeFile(store.paths.format, format);
    await rm(join(store.paths.layout, 'oci-layout'));
    await t.rejects(openStore(store.paths.home), { code: 'STORE_FORMAT_UNSUPPORTED', exitCode: 2 });
    t.same((await readdir(store.paths.layout)).includes('oci-layout'), false);
  });
}
