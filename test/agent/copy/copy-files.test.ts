/** COPY and ADD: what is taken, where it goes, and that nothing outside is ever reached. */

import { execFileSync } from 'node:child_process';
import { chmod, link, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { digestFiles } from '../../../src/agent/operations/copy.ts';
import type { CopyFilesRequest, CopySource } from '../../../src/agent/protocol.ts';
import { type CopyBench, onTopOf, openCopyBench } from './support.ts';

async function bench(t: Test): Promise<CopyBench> {
  const opened = await openCopyBench();
  t.teardown(() => opened[Symbol.asyncDispose]());
  return opened;
}

function from(
  { context }: CopyBench,
  patterns: readonly string[],
  more: Partial<Extract<CopySource, { kind: 'directory' }>> = {},
): Pick<CopyFilesRequest, 'sources'> {
  return { sources: [{ kind: 'directory', path: context, patterns, unpack: false, ...more }] };
}

t.test('a file becomes the destination, or goes into one that is a directory', async (t) => {
  const b = await bench(t);
  await b.fill({ 'a.txt': 'a' });
  const plain = await b.copy({ ...from(b, ['a.txt']), destination: '/x/b' });
  t.same(await b.show(plain), ['directory 755 0:0 x', 'file 644 0:0 x/b = a']);
  const slash = await b.copy({ ...from(b, ['a.txt']), destination: '/x/b/' });
  t.same((await b.show(slash)).at(-1), 'file 644 0:0 x/b/a.txt = a');
  const existing = await b.copy({ ...from(b, ['a.txt']), destination: '/x', ...onTopOf(plain) });
  t.same(await b.show(existing), ['directory 755 0:0 x', 'file 644 0:0 x/a.txt = a']);
});

t.test('a directory gives its content, dotfiles and empty directories included', async (t) => {
  const b = await bench(t);
  await b.fill({ 'd/.hidden': 'h', 'd/empty': undefined, 'd/s/f': 'f' });
  t.same(await b.show(await b.copy({ ...from(b, ['d']), destination: '/out' })), [
    'directory 755 0:0 out',
    'file 644 0:0 out/.hidden = h',
    'directory 755 0:0 out/empty',
    'directory 755 0:0 out/s',
    'file 644 0:0 out/s/f = f',
  ]);
});

t.test('patterns are those of filepath.Match, and may match nothing', async (t) => {
  const b = await bench(t);
  await b.fill({ 'a1.txt': '1', 'a2.txt': '2', 'b/a3.txt': '3', '.a4.txt': '4', 'x[1]': 'x' });
  const names = async (patterns: readonly string[]) =>
    (await b.show(await b.copy({ ...from(b, patterns), destination: '/o/' })))
      .map((line) => line.split(' ')[3])
      .slice(1);
  t.same(await names(['a*.txt']), ['o/a1.txt', 'o/a2.txt']);
  t.same(await names(['*/a?.txt']), ['o/a3.txt']);
  t.same(await names(['*.txt']), ['o/.a4.txt', 'o/a1.txt', 'o/a2.txt']);
  t.same(await names(['x[[]1]']), ['o/x[1]']);
  t.same(await names(['none*']), []);
  await t.rejects(b.copy(from(b, ['none'])), { code: 'SOURCE_NOT_FOUND' });
  await t.rejects(b.copy(from(b, ['[a'])), { code: 'DOCKERFILE_INVALID' });
});

t.test('--chown, --chmod, --parents and --exclude', async (t) => {
  const b = await bench(t);
  await b.fill({ 'p/q/run.sh': 'r', 'p/q/x.md': 'm', 'p/keep.md': 'k' });
  const owner = { uid: 5, gid: 6 };
  const octal = await b.copy({ ...from(b, ['p']), destination: '/o', owner, mode: '700' });
  t.match(await b.show(octal), [
    /755 5:6 o$/,
    /700 5:6 o\/keep/,
    /700 5:6 o\/q$/,
    /700 5:6/,
    /700/,
  ]);
  const symbolic = await b.copy({ ...from(b, ['p']), destination: '/o', mode: 'u=rwX,go=' });
  t.match(await b.show(symbolic), [/ 755 0:0 o$/, / 600 /, / 700 0:0 o\/q$/, / 600 /, / 600 /]);
  const parents = await b.copy({ ...from(b, ['p/./q/*.sh']), destination: '/o/', parents: true });
  t.same((await b.show(parents)).at(-1), 'file 644 0:0 o/q/run.sh = r');
  const kept = await b.copy({
    ...from(b, ['p']),
    destination: '/o/',
    exclude: ['**/*.md', '!keep.md'],
  });
  t.same(
    (await b.show(kept)).map((line) => line.split(' ')[3]),
    ['o', 'o/keep.md', 'o/q', 'o/q/run.sh'],
  );
});

t.test('what the ignore file leaves out is not there, and can be taken back', async (t) => {
  const b = await bench(t);
  await b.fill({ 'n/a': 'a', 'n/b': 'b', 'o/c': 'c' });
  const patterns = [
    { pattern: 'n', negated: false },
    { pattern: 'n/b', negated: true },
    { pattern: 'o', negated: false },
  ];
  const ignore = { file: { syntax: 'dockerignore' as const, patterns }, exclude: '' };
  const all = await b.copy({ ...from(b, ['.'], { ignore }), destination: '/' });
  t.same(
    (await b.show(all)).map((line) => line.split(' ')[3]),
    ['n', 'n/b'],
  );
  await t.rejects(b.copy(from(b, ['o/c'], { ignore })), { message: /left out by the ignore file/ });
});

t.test(
  'existing directories keep what the layers below say unless they are copied onto',
  async (t) => {
    const b = await bench(t);
    await b.fill({ 'd/tmp/f': 'f', g: 'g' });
    const base = await b.copy({ sources: [], destination: '/tmp/', owner: { uid: 7, gid: 7 } });
    const file = await b.copy({ ...from(b, ['g']), destination: '/tmp/', ...onTopOf(base) });
    t.same(await b.show(file), ['directory 755 7:7 tmp', 'file 644 0:0 tmp/g = g']);
    const merged = await b.copy({ ...from(b, ['d']), destination: '/', ...onTopOf(base) });
    t.same((await b.show(merged))[0], 'directory 755 0:0 tmp');
    t.equal(await b.copy({ sources: [], destination: '/tmp/', ...onTopOf(base) }), undefined);
  },
);

t.test('names of one file stay names of one file', async (t) => {
  const b = await bench(t);
  await b.fill({ 'd/a': 'same' });
  await link(join(b.context, 'd/a'), join(b.context, 'd/b'));
  t.same(await b.show(await b.copy({ ...from(b, ['d']), destination: '/' })), [
    'file 644 0:0 a = same',
    'hardlink 644 0:0 b -> a',
  ]);
});

t.test('D07: symlinks of the context lead nowhere outside of it', async (t) => {
  const b = await bench(t);
  await writeFile(join(b.directory, 'secret'), 'outside');
  await b.fill({
    absolute: '-> /etc/passwd',
    upwards: '-> ../secret',
    dangling: '-> gone',
    loop: '-> loop',
    directory: '-> ../',
    'real/f': 'f',
    inside: '-> real/f',
    tree: '-> /real',
  });
  for (const name of ['absolute', 'upwards', 'dangling', '../secret', 'directory/secret'])
    await t.rejects(b.copy(from(b, [name])), { code: 'SOURCE_NOT_FOUND' }, name);
  await t.rejects(b.copy(from(b, ['loop'])), { code: 'PATH_UNSAFE' });
  const followed = await b.copy({ ...from(b, ['inside', 'tree']), destination: '/o/' });
  t.same((await b.show(followed)).slice(1), ['file 644 0:0 o/f = f', 'file 644 0:0 o/inside = f']);
  const whole = await b.copy({ ...from(b, ['.']), destination: '/o/' });
  t.ok((await b.show(whole)).includes('symlink 777 0:0 o/absolute -> /etc/passwd'));
});

t.test(
  'D07: sockets are left out, files without permissions and fifos are no trouble',
  async (t) => {
    const b = await bench(t);
    await b.fill({ 'd/locked': 'l' });
    await chmod(join(b.context, 'd/locked'), 0o400);
    execFileSync('mkfifo', ['-m', '600', join(b.context, 'd/fifo')]);
    const server = createServer().listen(join(b.context, 'd/socket'));
    t.teardown(() => server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    t.same(await b.show(await b.copy({ ...from(b, ['d']), destination: '/' })), [
      'fifo 600 0:0 fifo',
      'file 400 0:0 locked = l',
    ]);
  },
);

t.test('D06: a destination that is a symlink leads inside the root file system', async (t) => {
  const b = await bench(t);
  await b.fill({
    'base/link': '-> /tmp',
    'base/up': '-> ../../../../../tmp',
    f: 'f',
    'd/bin/x': 'x',
  });
  const base = await b.copy({ ...from(b, ['base']), destination: '/' });
  const absolute = await b.copy({ ...from(b, ['f']), destination: '/link/f', ...onTopOf(base) });
  t.same(await b.show(absolute), ['directory 755 0:0 tmp', 'file 644 0:0 tmp/f = f']);
  const up = await b.copy({ ...from(b, ['f']), destination: '/up/f', ...onTopOf(base) });
  t.same(await b.show(up), ['directory 755 0:0 tmp', 'file 644 0:0 tmp/f = f']);
});

t.test('a symlink to a directory survives a copy of a directory of its name', async (t) => {
  const b = await bench(t);
  await b.fill({ 'base/bin': '-> usr/bin', 'base/usr/bin/sh': 's', 'd/bin/x': 'x' });
  const base = await b.copy({ ...from(b, ['base']), destination: '/' });
  const merged = await b.copy({ ...from(b, ['d']), destination: '/', ...onTopOf(base) });
  t.same((await b.show(merged)).at(-1), 'file 644 0:0 usr/bin/x = x');
});

t.test('files and directories do not replace each other', async (t) => {
  const b = await bench(t);
  await b.fill({ 'base/d/x': 'x', 'base/f': 'f', 'one/d': 'file', 'two/f/x': 'x' });
  const base = await b.copy({ ...from(b, ['base']), destination: '/' });
  for (const name of ['one', 'two'])
    await t.rejects(b.copy({ ...from(b, [name]), destination: '/', ...onTopOf(base) }), {
      code: 'PATH_UNSAFE',
    });
});

t.test('ADD unpacks local archives, whatever they are compressed with', async (t) => {
  const b = await bench(t);
  await b.fill({ 'in/s/f': 'f', 'plain.gz': 'no archive' });
  const tar = (name: string, ...options: string[]) =>
    execFileSync('tar', [
      '-C',
      join(b.context, 'in'),
      '--owner=3',
      '--group=4',
      ...options,
      '-cf',
      join(b.context, name),
      '.',
    ]);
  tar('a.tar');
  tar('a.tgz', '-z');
  tar('a.txz', '-J');
  tar('a.tbz', '-j');
  tar('a.tzst', '--zstd');
  for (const name of ['a.tar', 'a.tgz', 'a.txz', 'a.tbz', 'a.tzst']) {
    const layer = await b.copy({ ...from(b, [name], { unpack: true }), destination: '/o' });
    t.same((await b.show(layer)).at(-1), 'file 644 3:4 o/s/f = f', name);
  }
  const copied = await b.copy({ ...from(b, ['a.tar']), destination: '/o/' });
  t.match((await b.show(copied)).at(-1), /^file 644 0:0 o\/a\.tar/);
  const plain = await b.copy({ ...from(b, ['plain.gz'], { unpack: true }), destination: '/o/' });
  t.same((await b.show(plain)).at(-1), 'file 644 0:0 o/plain.gz = no archive');
});

t.test('hostile archives reach nothing outside of the root file system', async (t) => {
  const b = await bench(t);
  const make = async (name: string, files: Readonly<Record<string, string>>, ...more: string[]) => {
    await rm(join(b.context, 'in'), { recursive: true, force: true });
    await mkdir(join(b.context, 'in'));
    await b.fill(
      Object.fromEntries(Object.entries(files).map(([key, value]) => [`in/${key}`, value])),
    );
    execFileSync('tar', [
      '-C',
      join(b.context, 'in'),
      '-P',
      ...more,
      '-cf',
      join(b.context, name),
      ...Object.keys(files),
    ]);
  };
  await make('up.tar', { f: 'f' }, '--transform=s,^f$,../../f,');
  await t.rejects(b.copy({ ...from(b, ['up.tar'], { unpack: true }), destination: '/o' }), {
    code: 'PATH_UNSAFE',
  });
  await make('through.tar', { l: '-> ../../etc', g: 'g' }, '--transform=s,^g$,l/passwd,');
  const through = await b.copy({
    ...from(b, ['through.tar'], { unpack: true }),
    destination: '/o',
  });
  t.ok((await b.show(through)).includes('file 644 0:0 etc/passwd = g'), 'inside the image');
  await make('whiteout.tar', { '.wh.etc': '' });
  await t.rejects(b.copy({ ...from(b, ['whiteout.tar'], { unpack: true }), destination: '/' }), {
    code: 'LAYER_INVALID',
  });
});

t.test('the digest of files follows names, modes and contents, and nothing else', async (t) => {
  const b = await bench(t);
  await b.fill({ 'd/f': 'f', 'e/f': 'f' });
  const digest = async (name: string) =>
    JSON.stringify(
      await digestFiles(
        b.store,
        { ...from(b, [`${name}/.`]), exclude: [], parents: false },
        new AbortController().signal,
      ),
    );
  const first = await digest('d');
  t.equal(await digest('d'), first);
  await chmod(join(b.context, 'd/f'), 0o755);
  t.not(await digest('d'), first);
  await chmod(join(b.context, 'd/f'), 0o644);
  t.equal(await digest('d'), first);
  await writeFile(join(b.context, 'd/f'), 'g');
  t.not(await digest('d'), first);
});
