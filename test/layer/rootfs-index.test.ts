/** The index of a stored root file system: any entry survives, damage is noticed. */

import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { loadTree } from '../../src/layer/apply/load.ts';
import { lookUp } from '../../src/layer/apply/resolve.ts';
import { entryOf } from '../../src/layer/apply/tree.ts';
import { type RootfsEntry, readIndex } from '../../src/layer/index.ts';
import { IndexWriter } from '../../src/layer/rootfs-index.ts';
import type { ByteString } from '../../src/model/index.ts';
import { fc } from '../support/property.ts';

const bytes = (maxLength: number) =>
  fc
    .uint8Array({ minLength: 1, maxLength })
    .map((array) => Buffer.from(array).toString('latin1').replaceAll('/', '_') as ByteString);

const anyEntry: fc.Arbitrary<RootfsEntry> = fc.record({
  path: bytes(40),
  type: fc.constantFrom('file', 'directory', 'symlink', 'character-device', 'block-device', 'fifo'),
  mode: fc.nat(0o7777),
  uid: fc.nat(2 ** 31 - 1),
  gid: fc.nat(2 ** 31 - 1),
  size: fc.nat(Number.MAX_SAFE_INTEGER),
  mtime: fc.bigInt(-(2n ** 70n), 2n ** 70n),
  linkName: bytes(40),
  deviceMajor: fc.nat(4095),
  deviceMinor: fc.nat(2 ** 20),
  xattrs: fc
    .array(fc.tuple(bytes(10), fc.uint8Array({ maxLength: 20 })))
    .map((pairs) => new Map(pairs)),
});

async function withFile<T>(action: (path: string) => T): Promise<T> {
  const directory = fs.mkdtempSync(join(tmpdir(), 's2oci-index-'));
  try {
    return action(join(directory, 'index.jsonl'));
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

t.test('every entry comes back as it was', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyEntry, { maxLength: 20 }), async (entries) => {
      const devices = ['character-device', 'block-device'];
      const written = entries.map((entry, i) => ({
        ...entry,
        path: `${i}${entry.path}` as ByteString,
        ...(devices.includes(entry.type) ? {} : { deviceMajor: 0, deviceMinor: 0 }),
      }));
      await withFile((path) => {
        {
          using index = new IndexWriter(path);
          for (const entry of written) index.add(entry);
        }
        const read = [...readIndex(path)];
        const plain = (list: readonly RootfsEntry[]) =>
          list.map((entry) => ({
            ...entry,
            xattrs: [...entry.xattrs]
              .map(([k, v]) => `${k}=${Buffer.from(v).toString('hex')}`)
              .toSorted(),
          }));
        t.same(plain(read), plain(written), { diagnostic: false });
      });
    }),
    { numRuns: 100 },
  );
});

const base = {
  ...{ mode: 0o644, uid: 0, gid: 0, size: 1, mtime: 0n, linkName: '' as ByteString },
  ...{ deviceMajor: 0, deviceMinor: 0, xattrs: new Map() },
};
const entry = (path: string, type: RootfsEntry['type'], linkName = '') => ({
  ...{ ...base, path: path as ByteString, type, linkName: linkName as ByteString },
});

t.test('a loaded index finds entries, and knows what hard links are', async (t) => {
  await withFile((path) => {
    {
      using index = new IndexWriter(path);
      index.add(entry('a', 'directory'));
      index.add({ ...entry('a/file', 'file'), size: 7, foreignOwner: true, absent: true });
      index.add(entry('a/link', 'hardlink', 'a/file'));
      index.add({ ...entry('b', 'file'), lostXattrs: ['user.x' as ByteString] });
    }
    const root = loadTree(path);
    const get = (at: string) => {
      const name = lookUp(root, at as ByteString);
      return name === undefined ? undefined : entryOf(at as ByteString, name.inode);
    };
    t.match(get('a/file'), { size: 7, foreignOwner: true, absent: true });
    t.match(get('a/link'), { type: 'file', size: 7, path: 'a/link' });
    t.match(get('b'), { lostXattrs: ['user.x'] });
    for (const missing of ['c', 'a/x', 'b/x', '', 'a/', '__proto__'])
      t.equal(get(missing), undefined, missing);
    t.same([...root.children.keys()], ['a', 'b']);
  });
});

t.test('an index larger than a chunk is read line by line', async (t) => {
  await withFile((path) => {
    {
      using index = new IndexWriter(path);
      for (let i = 0; i < 9000; i += 1) index.add(entry(`${i}${'\xff'.repeat(i % 90)}`, 'file'));
    }
    t.equal([...readIndex(path)].length, 9000);
  });
});

const orphan = '{"path":"a/b","type":"file","mode":420,"uid":0,"gid":0,"mtime":"0"}\n';

t.test('L09 a damaged index is no index', async (t) => {
  for (const text of ['{', '{"path":1}\n', 'null\n', '[]\n', '{"path":"x"}\n', '"x"\n', orphan])
    await withFile((path) => {
      fs.writeFileSync(path, text);
      t.throws(() => loadTree(path), { code: 'STORE_DAMAGED' }, text);
    });
});
