/** Every form of a source, and what of it is left out (s2i reference 2.2, 2.3), looked at from inside of assemble. */

import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../../support/as-user.ts';
import { deriveImage, writeTree } from '../s2i-support.ts';
import { openWorkbench, succeed } from '../support.ts';

t.setTimeout(600_000);

const bench = await openWorkbench();
t.teardown(() => bench[Symbol.asyncDispose]());
const builder = await deriveImage(bench, 'lister', {
  files: {
    'usr/libexec/s2i/assemble':
      '#!/bin/sh\ncd /tmp/src && find . ! -name . | sort\n[ ! -f version ] || cat version\n',
  },
});

/** Builds, and returns the paths of the source as assemble saw them, and the content of `version`. */
async function build(source: string, ...options: string[]) {
  const args = ['build', source, builder, 'oci:out:1', '--no-cache', ...options];
  const built = await bench.s2oci(args);
  const said = [...built.stderr.matchAll(/^ \| (.*)$/gm)].map(([, line = '']) => line);
  return {
    ...built,
    paths: said.filter((line) => line.startsWith('./')).map((line) => line.slice(2)),
    version: said.find((line) => line.startsWith('version ')),
  };
}

async function git(directory: string, ...args: string[]): Promise<string> {
  const settings = ['-c', 'user.name=Jo', '-c', 'user.email=jo@example.com'];
  const done = await bench.run('git', ['-C', directory, ...settings, ...args]);
  if (done.code !== 0) throw new Error(`git ${args.join(' ')}: ${done.stderr}`);
  return done.stdout.trim();
}

async function repository(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await writeTree(bench, name, files);
  await git(directory, 'init', '-q', '-b', 'main');
  await git(directory, 'add', '.');
  await git(directory, 'commit', '-qm', 'first');
  return directory;
}

const repo = await repository('repo', { version: 'version 1\n', 'sub/version': 'version sub\n' });
await git(repo, 'tag', 'v1');
await writeFile(join(repo, 'version'), 'version 2\n');
await git(repo, 'commit', '-qam', 'second');
await writeFile(join(repo, 'version'), 'version dirty\n');
await writeTree(bench, 'repo', { untracked: 'x' });
await run('mkdir', ['-p', join(repo, 'empty')]);
await run('chown', ['-R', `${bench.user.uid}:${bench.user.gid}`, repo]);

t.test('A1 A4 A9 the files as they are on disk, or what is committed', async (t) => {
  const copied = await build(repo);
  succeed(t, copied);
  t.same(copied.paths, ['empty', 'sub', 'sub/version', 'untracked', 'version']);
  t.equal(copied.version, 'version dirty', 'the original builds what is committed [G]');
  const relative = await build('repo');
  t.same(relative.paths, copied.paths, 'a relative path');
  const head = await build(repo, '--git-head');
  t.equal(head.version, 'version 2');
  t.same(head.paths, ['sub', 'sub/version', 'version'], 'no empty directory survives git [G]');
});

t.test('A2 A5 addresses of repositories, and refs', async (t) => {
  t.equal((await build(`file://${repo}`, '--git-head')).version, 'version 2');
  t.equal((await build(`file://${repo}#v1`)).version, 'version 1', 'the original ignores it [G]');
  t.equal((await build(`${repo}#main`, '-r', 'v1')).version, 'version 1', '--ref wins');
  const unknown = await build(`file://${repo}#nothing`);
  t.equal(unknown.code, 4);
  t.match(unknown.stderr, /nothing/);
});

t.test('A3 what is no source, or would run something, is refused', async (t) => {
  for (const source of [
    'ssh://git@example.com:org/repo',
    'file://relative/path',
    'ext::sh -c touch% /tmp/evil',
    '--upload-pack=evil',
    `${bench.directory}/nothing`,
  ]) {
    const built = await bench.s2oci(['build', '--', source, builder, 'oci:out:1']);
    t.equal(built.code, 4, `${source}: ${built.stderr}`);
  }
});

t.test('A6 submodules and worktrees, whose .git is a file', async (t) => {
  await git(repo, 'worktree', 'add', '-q', join(bench.directory, 'tree'), 'v1');
  t.equal((await build(join(bench.directory, 'tree'), '--git-head')).version, 'version 1');
  t.equal((await build(join(bench.directory, 'tree'))).version, 'version 1');
  const outer = await repository('outer', { version: 'version outer\n' });
  const local = ['-c', 'protocol.file.allow=always'];
  await git(outer, ...local, 'submodule', '--quiet', 'add', `file://${repo}`, 'inner');
  const inner = await build(join(outer, 'inner'), '--git-head');
  t.equal(inner.version, 'version 2', inner.stderr);
});

t.test('A7 the context directory', async (t) => {
  t.equal((await build(repo, '--context-dir', 'sub')).version, 'version sub');
  t.equal((await build(`file://${repo}#v1`, '--context-dir', 'sub/')).version, 'version sub');
  for (const context of ['nothing', '../repo', '/etc']) {
    const missing = await build(repo, '--context-dir', context);
    t.not(missing.code, 0);
    t.ok(missing.stderr.includes(context), 'named as it was given');
    t.notMatch(missing.stderr, /builds\//, 'no temporary path');
  }
});

t.test('A8 a repository without a commit', async (t) => {
  const empty = await writeTree(bench, 'empty', { version: 'version 0\n' });
  await git(empty, 'init', '-q');
  t.equal((await build(empty)).version, 'version 0', 'its files can be built');
  const head = await build(empty, '--git-head');
  t.equal(head.code, 4, 'the original: 16');
});

t.test('B1 B2 B3 B4 .s2iignore as the original reads it', async (t) => {
  const files = Object.fromEntries(
    [
      ...['top.md', 'keep.md', '.hidden', 'a/x.md', 'a/b/y.md', 'ign/z', 'ign/k'],
      ...['one/single', 'one/other', 'two/a.log', 'two/b.log', 'two/c.txt'],
      ...['three/sub/deep', 'four/keep.log', 'four/drop.log', 'five/dir/k', 'crlf/x.tmp'],
    ].map((path) => [path, 'x']),
  );
  const golden = ['*.md', '!keep.md', 'a/*.md', 'ign/', '!ign/k', '.hid*', '**/y.md'];
  const cases = [
    ...['', '# comment', 'one/single', 'two/*.log', '!two/b.log', 'three/sub'],
    ...['four/*.log', '!four/keep.log', 'five/dir/', '!five/dir/k', '../outside', '[bad'],
  ];
  const source = await writeTree(bench, 'ignoring', {
    ...files,
    '.s2iignore': `${[...golden, ...cases].join('\n')}\ncrlf/*.tmp\r\n`,
  });
  await writeTree(bench, 'outside', { file: 'x' });
  const built = await build(source);
  succeed(t, built);
  t.same(
    built.paths.filter((path) => path in files || path === '.s2iignore'),
    [
      ...['.s2iignore', 'a/b/y.md', 'four/keep.log', 'keep.md', 'one/other'],
      ...['two/b.log', 'two/c.txt'],
    ],
  );
  t.match(built.stderr, /line 18: it points outside/, 'a pattern that leads outside is said');
  t.match(built.stderr, /line 19: it is malformed/, 'and one that is no pattern');
});

t.test('B5 B6 B7 the syntax of .dockerignore, --exclude, and commits', async (t) => {
  const files = { 'deep/er/x.log': 'x', 'x.log': 'x', version: 'version 1\n', 'skip/me': 'x' };
  const source = await repository('docker-syntax', {
    ...files,
    '.s2iignore': '# syntax=dockerignore\n**/*.log\n!x.log\n',
  });
  const kept = ['.s2iignore', 'deep', 'deep/er', 'skip', 'skip/me', 'version', 'x.log'];
  t.same((await build(source)).paths, kept);
  t.same((await build(source, '--git-head')).paths, kept, 'also for what git gives');
  const excluded = await build(source, '--exclude', '^skip(/|$)');
  t.notOk(excluded.paths.some((path) => path.startsWith('skip')));
  t.ok(excluded.paths.includes('.git'), 'the default leaves .git out, another expression does not');
  await rm(join(source, '.s2iignore'));
  const unlimited = await build(source, '--exclude', '');
  t.ok(unlimited.paths.includes('.git/HEAD'));
  t.equal((await build(source, '--exclude', '(')).code, 2);
});
