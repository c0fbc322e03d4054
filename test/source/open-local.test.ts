import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import {
  commitFiles,
  commitTime,
  failure,
  git,
  listFiles,
  makeRepository,
  open,
  temporaryDirectory,
  writeFiles,
} from './support.ts';

t.test('A1 a directory is used in place, as it is on disk', async (t) => {
  const root = await temporaryDirectory(t);
  await writeFiles(root, { 'a.txt': 'a', 'sub/b.txt': 'b' });
  await mkdir(join(root, 'empty'));
  const tree = await open(t, root);
  t.equal(tree.path, await realpath(root));
  t.same(tree.info, { location: root });
  t.equal(tree.epoch, undefined);
  t.ok((await readdir(tree.path)).includes('empty'), 'A9 empty directories are there');
});

t.test(
  'A4 a repository gives its working tree, with the commit only if nothing differs',
  async (t) => {
    const root = join(await temporaryDirectory(t), 'repo');
    const id = await makeRepository(root, { 'a.txt': 'a', '.gitignore': 'ignored\n' });
    const clean = await open(t, root);
    t.match(clean.info, {
      ref: 'main',
      modified: false,
      commit: {
        id,
        authorName: 'Ada Author',
        committerEmail: 'carl@example.com',
        subject: 'First commit',
        date: 'Fri Nov 20 17:22:03 2026 +0000',
        time: commitTime,
      },
    });
    t.equal(clean.epoch, commitTime);

    await writeFile(join(root, 'a.txt'), 'changed');
    const dirty = await open(t, root);
    t.match(dirty.info, { modified: true, commit: { id } });
    t.equal(dirty.epoch, undefined);
    t.equal(await readFile(join(dirty.path, 'a.txt'), 'utf8'), 'changed');

    await git(root, 'checkout', '--quiet', '.');
    await writeFile(join(root, 'untracked'), '');
    t.equal((await open(t, root)).info.modified, true, 'an untracked file is a difference');
    await git(root, 'clean', '--quiet', '-fd');
    await writeFile(join(root, 'ignored'), '');
    t.equal(
      (await open(t, root)).info.modified,
      true,
      'so is an ignored file: it goes into the build',
    );
  },
);

t.test('A4 a change to what is left out of the build is none', async (t) => {
  const root = join(await temporaryDirectory(t), 'repo');
  await makeRepository(root, {
    'app/a.txt': 'a',
    'app/.s2iignore': 'node_modules\n*.log\n',
    'other/b.txt': 'b',
  });
  await writeFiles(root, {
    'app/node_modules/x/y.js': '',
    'app/b.log': '',
    'other/b.txt': 'changed',
  });
  const contextDir = 'app';
  t.match(await open(t, root, { contextDir }), { info: { modified: false }, epoch: commitTime });
  t.equal((await open(t, root)).info.modified, true, 'the other directory counts for the whole');
  await writeFiles(root, { 'app/c.txt': '' });
  t.equal((await open(t, root, { contextDir })).info.modified, true);
  await git(root, 'clean', '--quiet', '-fd', 'app/c.txt');
  await git(root, 'rm', '--quiet', '-r', '--cached', 'app');
  t.equal(
    (await open(t, root, { contextDir })).info.modified,
    true,
    'a directory that is not in the commit',
  );
});

t.test('A4 --git-head builds what is committed, without touching the working tree', async (t) => {
  const root = join(await temporaryDirectory(t), 'repo');
  const id = await makeRepository(root, { 'a.txt': 'committed' });
  await writeFiles(root, { 'a.txt': 'changed', 'new.txt': '' });
  const tree = await open(t, root, { gitHead: true });
  t.not(tree.path, await realpath(root));
  t.same(await listFiles(tree.path), ['a.txt']);
  t.equal(await readFile(join(tree.path, 'a.txt'), 'utf8'), 'committed');
  t.match(tree.info, { location: root, ref: 'main', commit: { id } });
  t.equal(tree.epoch, commitTime);
  await tree[Symbol.asyncDispose]();
  t.same(await readdir(tree.ports.deps.scratchDir), [], 'nothing stays');
});

t.test(
  'A5 a ref of a local repository: branch, tag, commit, abbreviated commit, #fragment',
  async (t) => {
    const root = join(await temporaryDirectory(t), 'repo');
    const first = await makeRepository(root, { 'v.txt': '1' });
    await git(root, 'tag', '-a', 'v1', '-m', 'one');
    await git(root, 'checkout', '--quiet', '-b', 'feature/x');
    const second = await commitFiles(root, { 'v.txt': '2' }, 'Second');
    await git(root, 'checkout', '--quiet', 'main');
    await git(root, 'update-ref', 'refs/pull/7/head', second);
    const version = async (source: string, ref?: string): Promise<string> => {
      const tree = await open(t, source, ref === undefined ? {} : { ref });
      return readFile(join(tree.path, 'v.txt'), 'utf8');
    };
    t.equal(await version(`${root}#feature/x`), '2');
    t.equal(await version(root, 'v1'), '1');
    t.equal(await version(root, second), '2');
    t.equal(await version(root, second.slice(0, 9)), '2');
    t.equal(await version(root, 'pull/7/head'), '2');
    t.equal(await version(`file://${root}#refs/pull/7/head`), '2');
    t.equal((await open(t, `${root}#v1`)).info.commit?.id, first, 'an annotated tag is its commit');
    const error = await failure(open(t, root, { ref: 'nope' }));
    t.match(error, {
      code: 'SOURCE_NOT_FOUND',
      message: /no branch, tag or commit "nope"/,
      suggestion: /feature\/x, main/,
    });
  },
);

t.test('A6 submodules and worktrees, whose .git is a file', async (t) => {
  const base = await temporaryDirectory(t);
  const root = join(base, 'repo');
  await makeRepository(join(base, 'lib'), { 'lib.txt': 'lib' });
  const id = await makeRepository(root, { 'a.txt': 'a' });
  await git(root, 'worktree', 'add', '--quiet', '-b', 'side', join(base, 'side'));
  const side = await open(t, join(base, 'side'));
  t.match(side.info, { ref: 'side', modified: false, commit: { id } });
  t.same(await listFiles((await open(t, join(base, 'side'), { gitHead: true })).path), ['a.txt']);

  await git(root, 'submodule', '--quiet', 'add', '../lib', 'lib');
  await git(root, 'commit', '--quiet', '-m', 'Add lib');
  const submodule = await open(t, join(root, 'lib'));
  t.match(submodule.info, { commit: { subject: 'First commit' } });
  t.equal((await open(t, root)).info.modified, true, 'submodules cannot be proved untouched');
});

t.test('A8 an empty repository: its files can be built, its commits cannot', async (t) => {
  const root = await temporaryDirectory(t);
  await git(root, 'init', '--quiet');
  await writeFiles(root, { 'a.txt': 'a' });
  t.same((await open(t, root)).info, { location: root });
  t.match(await failure(open(t, root, { gitHead: true })), {
    code: 'SOURCE_INVALID',
    message: /empty/,
  });
  const plain = await temporaryDirectory(t);
  t.match(await failure(open(t, plain, { gitHead: true })), {
    code: 'SOURCE_INVALID',
    message: /not the top of a git repository/,
  });
});

t.test('A7 G05 the context directory', async (t) => {
  const base = await temporaryDirectory(t);
  const root = join(base, 'repo');
  await writeFiles(root, { 'services/api/a.txt': 'a', 'file.txt': '' });
  await writeFiles(base, { 'outside/secret': 's' });
  await symlink('services/api', join(root, 'inside'));
  await symlink('../outside', join(root, 'outside'));
  await symlink('/etc', join(root, 'etc'));
  await symlink('loop', join(root, 'loop'));
  const tree = await open(t, root, { contextDir: 'services/api' });
  t.equal(tree.path, join(await realpath(root), 'services/api'));
  t.match(tree.info, { contextDir: 'services/api' });
  t.equal(
    (await open(t, root, { contextDir: 'inside' })).path,
    tree.path,
    'a link inside is followed',
  );
  for (const contextDir of ['outside', 'etc', 'loop'])
    t.match(
      await failure(open(t, root, { contextDir })),
      { code: 'PATH_UNSAFE', exitCode: 3 },
      contextDir,
    );
  for (const contextDir of ['missing', 'file.txt', 'missing/deeper']) {
    const error = await failure(open(t, root, { contextDir }));
    t.match(error, { code: 'SOURCE_INVALID', exitCode: 4 }, contextDir);
    t.notMatch(error?.message, base, 'no path of this machine');
  }
});

t.test('A1 a path that does not exist, or is no source', async (t) => {
  const root = await temporaryDirectory(t);
  t.match(await failure(open(t, join(root, 'nope'))), { code: 'SOURCE_NOT_FOUND', exitCode: 4 });
  t.match(await failure(open(t, '/dev/null')), { code: 'SOURCE_INVALID' });
  await writeFile(join(root, 'file'), 'x');
  t.match(await failure(open(t, join(root, 'file/x'))), { code: 'SOURCE_NOT_FOUND' });
});

t.test('a name that holds a # is a path when it exists', async (t) => {
  const root = join(await temporaryDirectory(t), 'c#code');
  await writeFiles(root, { 'a.txt': 'a' });
  const tree = await open(t, root);
  t.equal(tree.path, await realpath(root));
  t.equal(tree.info.location, root);
});

t.test(
  'G03 G04 CVE-2024-45496: nothing of a repository is run, whatever its configuration says',
  async (t) => {
    const base = await temporaryDirectory(t);
    const root = join(base, 'repo');
    const marker = join(base, 'pwned');
    const script = join(base, 'evil');
    await writeFile(script, `#!/bin/sh\ntouch ${marker}\nexit 1\n`);
    await chmod(script, 0o755);
    await makeRepository(root, {
      'a.txt': 'a',
      'b.txt': 'b',
      '.gitattributes': '* filter=evil diff=evil\n',
    });
    const settings: readonly (readonly [string, string])[] = [
      ['core.fsmonitor', script],
      ['core.hooksPath', join(base, 'hooks')],
      ['core.pager', script],
      ['core.sshCommand', script],
      ['filter.evil.clean', script],
      ['filter.evil.smudge', script],
      ['filter.evil.process', script],
      ['filter.evil.required', 'true'],
      ['diff.external', script],
      ['diff.evil.textconv', script],
      ['uploadpack.packObjectsHook', script],
      ['log.showSignature', 'true'],
      ['gpg.program', script],
      ['core.alternateRefsCommand', script],
      ['alias.status', `!${script}`],
      ['credential.helper', `!${script}`],
    ];
    for (const [name, value] of settings) await git(root, 'config', name, value);
    for (const hook of [
      'post-checkout',
      'post-index-change',
      'pre-upload-pack',
      'reference-transaction',
    ]) {
      await writeFiles(root, { [`.git/hooks/${hook}`]: `#!/bin/sh\ntouch ${marker}\n` });
      await chmod(join(root, `.git/hooks/${hook}`), 0o755);
      await writeFiles(base, { [`hooks/${hook}`]: `#!/bin/sh\ntouch ${marker}\n` });
      await chmod(join(base, `hooks/${hook}`), 0o755);
    }
    await writeFile(join(root, 'a.txt'), 'A');
    t.equal((await open(t, root)).info.modified, true);
    t.equal(
      await readFile(join((await open(t, root, { gitHead: true })).path, 'a.txt'), 'utf8'),
      'a',
    );
    t.notOk((await readdir(base)).includes('pwned'));
    await git(root, 'status').catch(() => {});
    t.ok((await readdir(base)).includes('pwned'), 'an ordinary git does run it');
  },
);

t.test('G06 .s2iignore is read inside of the source only, and only as a file', async (t) => {
  const base = await temporaryDirectory(t);
  const make = async (name: string, prepare: (root: string) => Promise<unknown> | unknown) => {
    const root = join(base, name);
    await writeFiles(root, { a: '' });
    await prepare(root);
    return root;
  };
  await writeFiles(base, { outside: '*\n' });
  const outside = await make('1', (root) => symlink('../outside', join(root, '.s2iignore')));
  const absolute = await make('2', (root) => symlink('/etc/shadow', join(root, '.s2iignore')));
  const directory = await make('3', (root) => mkdir(join(root, '.s2iignore')));
  const fifo = await make('4', (root) => execFileSync('mkfifo', [join(root, '.s2iignore')]));
  for (const root of [outside, absolute, directory, fifo])
    t.match(await failure(open(t, root)), { code: 'PATH_UNSAFE', exitCode: 3 }, root);
  const huge = await make('5', (root) =>
    writeFile(join(root, '.s2iignore'), Buffer.alloc(17 * 1024 * 1024)),
  );
  t.match(await failure(open(t, huge)), { code: 'LIMIT_EXCEEDED', exitCode: 3 });
  const inside = await make('6', async (root) => {
    await writeFiles(root, { rules: '*.md\n../x\n' });
    await symlink('rules', join(root, '.s2iignore'));
  });
  const tree = await open(t, inside);
  t.match(tree.ignore, {
    exclude: '(^|/)\\.git(/|$)',
    file: { syntax: 's2i', patterns: [{ pattern: '*.md', negated: false }] },
  });
  t.match(tree.ports.messages('warning'), [/line 2.*outside/]);
  const dangling = await make('7', (root) => symlink('nowhere', join(root, '.s2iignore')));
  t.same((await open(t, dangling)).ignore, { exclude: '(^|/)\\.git(/|$)' });
});

t.test('without git a repository is still a directory', async (t) => {
  const root = join(await temporaryDirectory(t), 'repo');
  await makeRepository(root, { 'a.txt': 'a' });
  const deps = { env: { PATH: '/nonexistent', HOME: '/nonexistent' } };
  t.same((await open(t, root, { deps })).info, { location: root });
  t.match(await failure(open(t, root, { gitHead: true, deps })), {
    code: 'SOURCE_FETCH_FAILED',
    message: /git is not installed/,
  });
});
