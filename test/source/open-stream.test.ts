import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import t from 'tap';
import { byteStringOf } from '../../src/model/index.ts';
import { extractArchive, openSource, parseSource } from '../../src/source/index.ts';
import { encodeEntry, endOfArchive, paddingOf, type TarEntry } from '../../src/tar/index.ts';
import { failure, listFiles, makeDeps, open, temporaryDirectory, writeFiles } from './support.ts';

/** One entry of an archive as tests write it. */
type Entry = Partial<Omit<TarEntry, 'path' | 'linkName'>> & {
  readonly path: string;
  readonly link?: string;
  readonly text?: string;
};

/** Makes an archive, hostile ones included. */
function archive(...entries: readonly Entry[]): Buffer {
  const parts = entries.flatMap(({ path, link = '', text = '', ...rest }) => {
    const body = Buffer.from(text);
    const entry: TarEntry = {
      path: byteStringOf(path),
      type: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: body.length,
      mtime: 1_700_000_000_000_000_000n,
      linkName: byteStringOf(link),
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: new Map(),
      ...rest,
    };
    return [encodeEntry(entry), body, paddingOf(body.length)];
  });
  return Buffer.concat([...parts, endOfArchive]);
}

function openBytes(
  t: Parameters<typeof open>[0],
  bytes: Uint8Array,
  options: Parameters<typeof open>[2] = {},
) {
  return open(t, '-', { ...options, deps: { stdin: Readable.from([bytes]) } });
}

const sample = archive(
  { path: './', type: 'directory', mode: 0o755 },
  { path: './run.sh', mode: 0o4755, text: '#!/bin/sh\n' },
  { path: './sub/', type: 'directory', mode: 0o500 },
  { path: './sub/a.txt', text: 'a' },
  { path: './empty/', type: 'directory', mode: 0o755 },
  { path: './link', type: 'symlink', link: '/etc/passwd' },
  { path: './hard', type: 'hardlink', link: './sub/a.txt' },
  { path: './no-parent/b.txt', text: 'b' },
);

t.test('A1 a tar stream, plain, with gzip and with zstd', async (t) => {
  for (const bytes of [sample, gzipSync(sample), zstdCompressSync(sample)]) {
    const tree = await openBytes(t, bytes);
    t.same(await listFiles(tree.path), ['hard', 'link', 'no-parent/b.txt', 'run.sh', 'sub/a.txt']);
    t.equal(
      (await lstat(join(tree.path, 'run.sh'))).mode & 0o7777,
      0o755,
      'set-id bits are dropped',
    );
    t.equal((await lstat(join(tree.path, 'run.sh'))).mtimeMs, 1_700_000_000_000);
    t.equal(await readlink(join(tree.path, 'link')), '/etc/passwd');
    t.equal(await readFile(join(tree.path, 'hard'), 'utf8'), 'a');
    t.same(await readdir(join(tree.path, 'empty')), [], 'A9 empty directories survive');
    t.same(tree.info, { location: '-' });
    t.equal(tree.epoch, undefined);
    await tree[Symbol.asyncDispose]();
    t.same(await readdir(tree.ports.deps.scratchDir), []);
  }
});

t.test('A7 a context directory of a stream, and one byte at a time', async (t) => {
  const stdin = Readable.from(Array.from(sample, (byte) => Buffer.of(byte)));
  const tree = await open(t, '-', { contextDir: 'sub', deps: { stdin } });
  t.same(await listFiles(tree.path), ['a.txt']);
  t.match(await failure(openBytes(t, sample, { contextDir: 'link' })), { code: 'PATH_UNSAFE' });
});

t.test('A1 an archive of GNU tar in a file', async (t) => {
  const base = await temporaryDirectory(t);
  await writeFiles(base, { 'src/a.txt': 'a', 'src/.s2iignore': '*.md\n' });
  execFileSync('tar', ['-C', join(base, 'src'), '-czf', join(base, 'app.tar.gz'), '.']);
  const tree = await open(t, join(base, 'app.tar.gz'));
  t.same(await listFiles(tree.path), ['.s2iignore', 'a.txt']);
  t.match(tree.ignore, { file: { patterns: [{ pattern: '*.md' }] } });
  t.match(await failure(open(t, `${join(base, 'app.tar.gz')}#main`)), { code: 'SOURCE_INVALID' });
});

t.test('what is no archive is refused by name', async (t) => {
  const cases: readonly (readonly [Buffer, RegExp])[] = [
    [Buffer.from('PK\x03\x04rest of it'), /zip archive/],
    [Buffer.from('BZh91AY&SY'), /bzip2/],
    [Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), /xz/],
    [Buffer.alloc(0), /is empty/],
    [Buffer.from(endOfArchive), /is empty/],
  ];
  for (const [bytes, message] of cases)
    t.match(
      await failure(openBytes(t, bytes)),
      { code: 'SOURCE_INVALID', message },
      String(message),
    );
  for (const text of [
    '<html>not found</html>',
    '# v2 git bundle\n--upload-pack=x refs/heads/main\n\n',
  ])
    t.match(await failure(openBytes(t, Buffer.from(text.repeat(40)))), {
      code: 'TAR_INVALID',
      exitCode: 3,
    });
  t.match(await failure(openBytes(t, sample.subarray(0, 1200))), { code: 'TAR_INVALID' });
  t.match(await failure(openBytes(t, gzipSync(sample).subarray(0, 100))), {
    code: 'COMPRESSION_INVALID',
  });
  const damaged = Buffer.from(zstdCompressSync(sample));
  damaged.fill(0xff, 20, 40);
  t.match(await failure(openBytes(t, damaged)), { code: 'COMPRESSION_INVALID' });
});

t.test(
  'T01 T02 CVE-2018-1102 CVE-2007-4559 CVE-2001-1267: nothing is written outside',
  async (t) => {
    const base = await temporaryDirectory(t);
    await writeFile(join(base, 'sentinel'), 'untouched');
    const hostile: Readonly<Record<string, readonly Entry[]>> = {
      upwards: [{ path: '../sentinel', text: 'x' }],
      'upwards inside': [{ path: 'a/../../sentinel', text: 'x' }],
      absolute: [{ path: join(base, 'sentinel'), text: 'x' }],
      'through a link': [
        { path: 'd', type: 'symlink', link: base },
        { path: 'd/sentinel', text: 'x' },
      ],
      'through a relative link': [
        { path: 'd', type: 'symlink', link: '../../..' },
        { path: 'd/sentinel', text: 'x' },
      ],
      'through a link to a link': [
        { path: 'a', type: 'symlink', link: '.' },
        { path: 'a/b', type: 'symlink', link: '..' },
        { path: 'a/b/sentinel', text: 'x' },
      ],
      'directory replaced by a link': [
        { path: 'd', type: 'directory', mode: 0o755 },
        { path: 'd', type: 'symlink', link: base },
        { path: 'd/sentinel', text: 'x' },
      ],
      'hard link to outside': [{ path: 'h', type: 'hardlink', link: join(base, 'sentinel') }],
      'hard link upwards': [{ path: 'h', type: 'hardlink', link: '../../sentinel' }],
      'hard link to a link': [
        { path: 'l', type: 'symlink', link: join(base, 'sentinel') },
        { path: 'h', type: 'hardlink', link: 'l' },
      ],
      device: [{ path: 'd', type: 'character-device', deviceMajor: 1, deviceMinor: 3 }],
      fifo: [{ path: 'f', type: 'fifo' }],
      'the root as a file': [{ path: '.', text: 'x' }],
      'below a file': [
        { path: 'f', text: 'x' },
        { path: 'f/g', text: 'x' },
      ],
    };
    for (const [name, entries] of Object.entries(hostile)) {
      const scratchDir = await temporaryDirectory(t);
      const error = await failure(
        open(t, '-', { deps: { stdin: Readable.from([archive(...entries)]), scratchDir } }),
      );
      t.match(error, { code: 'PATH_UNSAFE', exitCode: 3 }, name);
      t.same(await readdir(scratchDir), [], 'nothing half-made stays');
    }
    t.equal(await readFile(join(base, 'sentinel'), 'utf8'), 'untouched');
  },
);

t.test('a link replaced by a file does not write through the link', async (t) => {
  const base = await temporaryDirectory(t);
  await writeFile(join(base, 'sentinel'), 'untouched');
  const tree = await openBytes(
    t,
    archive(
      { path: 'x', type: 'symlink', link: join(base, 'sentinel') },
      { path: 'x', text: 'new' },
    ),
  );
  t.equal(await readFile(join(tree.path, 'x'), 'utf8'), 'new');
  t.equal(await readFile(join(base, 'sentinel'), 'utf8'), 'untouched');
});

t.test('limits on archives hold', async (t) => {
  t.match(await failure(openBytes(t, sample, { limits: { entries: 3 } })), {
    code: 'LIMIT_EXCEEDED',
    exitCode: 3,
  });
  const bomb = gzipSync(archive({ path: 'big', text: 'x'.repeat(10_000_000) }));
  t.match(await failure(openBytes(t, bomb, { limits: { contentBytes: 1_000_000 } })), {
    code: 'LIMIT_EXCEEDED',
  });
});

t.test(
  'G3 G4 G5 artifacts: an empty stream has no entries, padding is no problem, hard links are files',
  async (t) => {
    const extract = async (bytes: Uint8Array): Promise<readonly [number, readonly string[]]> => {
      const directory = await temporaryDirectory(t);
      const count = await extractArchive(Readable.from([bytes]), directory, 'artifacts', {});
      return [count, await listFiles(directory)];
    };
    t.same(await extract(Buffer.alloc(0)), [0, []]);
    const padded = Buffer.concat([
      archive({ path: 'a', text: 'a' }, { path: 'b', type: 'hardlink', link: 'a' }),
      Buffer.alloc(100_000),
    ]);
    t.same(await extract(padded), [2, ['a', 'b']]);
    t.match(
      await failure(extract(Buffer.from('~/app ~\n'.repeat(100)))),
      { code: 'TAR_INVALID' },
      'noise in front',
    );
  },
);

t.test('an abort in the middle of a stream ends with its reason and leaves nothing', async (t) => {
  const scratchDir = await temporaryDirectory(t);
  const controller = new AbortController();
  const stdin = Readable.from(
    (async function* () {
      yield sample.subarray(0, 1024);
      controller.abort(new Error('enough'));
      yield sample.subarray(1024);
    })(),
  );
  const { deps } = await makeDeps(t, { stdin, scratchDir });
  await t.rejects(openSource(deps, { spec: parseSource('-') }, controller.signal), {
    message: 'enough',
  });
  t.same(await readdir(scratchDir), []);
});

t.test('an unreadable file is an input error, not a hang', async (t) => {
  const directory = await temporaryDirectory(t);
  const error = await failure(extractArchive(createReadStream('/nonexistent'), directory, 'x', {}));
  t.equal(error?.code, 'IO_FAILED');
});
