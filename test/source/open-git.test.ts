import { chmod, lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { type GitCall, gitRunner, openSource, parseSource } from '../../src/source/index.ts';
import {
  commitFiles,
  commitTime,
  failure,
  git,
  listFiles,
  makeDeps,
  makeRepository,
  open,
  serveGit,
  temporaryDirectory,
} from './support.ts';

/** A runner that notes what it was asked to run. */
function recordingGit(calls: GitCall[]) {
  const real = gitRunner();
  return {
    run: (call: GitCall, signal?: AbortSignal) => {
      calls.push(call);
      return real.run(call, signal);
    },
  };
}

t.test(
  'A1 A5 a repository over http: default branch, branch, tag, pull request, commit',
  async (t) => {
    const base = await temporaryDirectory(t);
    const root = join(base, 'app');
    await makeRepository(root, { 'v.txt': '1', 'sub/file': 's' });
    await git(root, 'tag', 'v1');
    const second = await commitFiles(root, { 'v.txt': '2' }, 'Second');
    await git(root, 'checkout', '--quiet', '-b', 'dev');
    const third = await commitFiles(root, { 'v.txt': '3' }, 'Third');
    await git(root, 'update-ref', 'refs/pull/7/head', third);
    await git(root, 'checkout', '--quiet', 'main');
    await git(root, 'branch', '--quiet', '-D', 'dev');
    await git(root, 'config', 'uploadpack.allowReachableSHA1InWant', 'true');
    const server = await serveGit(t, base);
    const address = server.url('app/.git');
    const cases: readonly (readonly [string, string, string])[] = [
      [address, '2', 'main'],
      [`${address}#main`, '2', 'main'],
      [`${address}#v1`, '1', 'v1'],
      [`${address}#refs/tags/v1`, '1', 'refs/tags/v1'],
      [`${address}#pull/7/head`, '3', 'pull/7/head'],
      [`${address}#${second}`, '2', second],
      [`${address}#${second.slice(0, 10)}`, '2', second.slice(0, 10)],
    ];
    for (const [source, content, ref] of cases) {
      const tree = await open(t, source);
      t.equal(await readFile(join(tree.path, 'v.txt'), 'utf8'), content, source);
      t.match(tree.info, { location: address, ref });
      t.equal(tree.epoch, commitTime);
    }
    const tree = await open(t, address);
    t.equal(await git(tree.path, 'rev-list', '--count', '--all'), '1', 'without history');
    t.equal((await open(t, address, { contextDir: 'sub' })).path.endsWith('/sub'), true);
    t.match(await failure(open(t, `${address}#v9`)), {
      code: 'SOURCE_NOT_FOUND',
      suggestion: /main/,
    });
    t.match(await failure(open(t, `${address}#${'0'.repeat(40)}`)), { code: 'SOURCE_NOT_FOUND' });
    t.match(await failure(open(t, server.url('nope.git'))), {
      code: 'SOURCE_NOT_FOUND',
      exitCode: 4,
    });
  },
);

t.test('a plain web server has no shallow clones', async (t) => {
  const base = await temporaryDirectory(t);
  const root = join(base, 'app');
  await makeRepository(root, { 'v.txt': '1' });
  await commitFiles(root, { 'v.txt': '2' }, 'Second');
  await git(root, 'update-server-info');
  const server = await serveGit(t, base, { plainFiles: true });
  const tree = await open(t, server.url('app/.git'));
  t.equal(await readFile(join(tree.path, 'v.txt'), 'utf8'), '2');
});

t.test('A8 an empty repository', async (t) => {
  const base = await temporaryDirectory(t);
  await git(base, 'init', '--quiet', '--bare', 'empty.git');
  const server = await serveGit(t, base);
  t.match(await failure(open(t, server.url('empty.git'))), {
    code: 'SOURCE_INVALID',
    message: /no commits/,
  });
});

t.test('R09 J5 credentials reach the server and nothing else', async (t) => {
  const base = await temporaryDirectory(t);
  await makeRepository(join(base, 'app'), { 'a.txt': 'a' });
  const server = await serveGit(t, base, { authorization: 'user:s3cr3t' });
  const calls: GitCall[] = [];
  const tree = await open(t, server.url('app/.git', 'user:s3cr3t'), {
    exclude: '',
    deps: { git: recordingGit(calls) },
  });
  t.ok(server.requests.every(({ authorization }) => authorization !== undefined));
  t.notMatch(JSON.stringify(tree.info), 's3cr3t');
  t.ok(calls.length > 3);
  for (const call of calls) t.notMatch(JSON.stringify(call.args), 's3cr3t');
  for (const name of await readdir(join(tree.path, '.git'), { recursive: true })) {
    const path = join(tree.path, '.git', name);
    if ((await lstat(path)).isFile())
      t.notMatch(await readFile(path, 'latin1'), /s3cr3t|Authorization/, name);
  }
  const wrong = await failure(open(t, server.url('app/.git', 'user:wr0ng')));
  t.match(wrong, { code: 'SOURCE_FETCH_FAILED', retryable: false, suggestion: /access/ });
  t.notMatch(JSON.stringify(wrong), 'wr0ng');
});

t.test('what passes is tried again', async (t) => {
  const base = await temporaryDirectory(t);
  await makeRepository(join(base, 'app'), { 'a.txt': 'a' });
  const server = await serveGit(t, base, { failures: 2 });
  const tree = await open(t, server.url('app/.git'));
  t.same(await listFiles(tree.path), ['a.txt']);
  t.match(tree.ports.messages('warning'), [/over http/, /trying again/, /trying again/]);
  const down = await serveGit(t, base, { failures: 100 });
  t.match(await failure(open(t, down.url('app/.git'))), {
    code: 'SOURCE_FETCH_FAILED',
    retryable: true,
  });
});

t.test('A6 submodules come along, unless ignored', async (t) => {
  const base = await temporaryDirectory(t);
  const server = await serveGit(t, base);
  await makeRepository(join(base, 'deep'), { 'deep.txt': 'd' });
  await makeRepository(join(base, 'lib'), { 'lib.txt': 'l' });
  await makeRepository(join(base, 'app'), { 'a.txt': 'a' });
  await git(join(base, 'lib'), 'submodule', '--quiet', 'add', server.url('deep/.git'), 'deep');
  await git(join(base, 'lib'), 'commit', '--quiet', '-m', 'Add deep');
  await git(join(base, 'app'), 'submodule', '--quiet', 'add', server.url('lib/.git'), 'lib');
  await git(join(base, 'app'), 'commit', '--quiet', '-m', 'Add lib');
  const tree = await open(t, server.url('app/.git'));
  t.same(await listFiles(tree.path), [
    '.gitmodules',
    'a.txt',
    'lib/.gitmodules',
    'lib/deep/deep.txt',
    'lib/lib.txt',
  ]);
  const without = await open(t, server.url('app/.git'), { ignoreSubmodules: true });
  t.same(await listFiles(without.path), ['.gitmodules', 'a.txt']);
});

t.test('G03 CVE-2022-39253: a submodule is never a path of this machine', async (t) => {
  const base = await temporaryDirectory(t);
  await makeRepository(join(base, 'secret'), { secret: 's' });
  await makeRepository(join(base, 'app'), { 'a.txt': 'a' });
  await git(join(base, 'app'), 'submodule', '--quiet', 'add', join(base, 'secret'), 'lib');
  await git(join(base, 'app'), 'commit', '--quiet', '-m', 'Add lib');
  const server = await serveGit(t, base);
  t.match(await failure(open(t, server.url('app/.git'))), {
    code: 'SOURCE_INVALID',
    message: /'file' not allowed/,
  });
  t.match(await failure(open(t, join(base, 'app'), { gitHead: true })), { code: 'SOURCE_INVALID' });
});

t.test(
  'G03 CVE-2018-17456 CVE-2024-32002 CVE-2025-48384: submodules that carry options, hooks or carriage returns',
  async (t) => {
    const base = await temporaryDirectory(t);
    const marker = join(base, 'pwned');
    const server = await serveGit(t, base);
    await makeRepository(join(base, 'lib'), {
      'hooks/post-checkout': `#!/bin/sh\ntouch ${marker}\n`,
    });
    await chmod(join(base, 'lib/hooks/post-checkout'), 0o755);
    await commitFiles(join(base, 'lib'), {}, 'executable');
    const lib = await git(join(base, 'lib'), 'rev-parse', 'HEAD');
    const forge = async (
      name: string,
      modules: string,
      path: string,
      extra?: (root: string) => Promise<unknown>,
    ) => {
      const root = join(base, name);
      await makeRepository(root, { '.gitmodules': modules });
      await git(root, 'update-index', '--add', '--cacheinfo', `160000,${lib},${path}`);
      await extra?.(root);
      await git(root, 'commit', '--quiet', '-m', 'Forged');
      return server.url(`${name}/.git`);
    };
    const url = server.url('lib/.git');
    const sources = [
      await forge('option-url', `[submodule "x"]\n\tpath = x\n\turl = -u./payload\n`, 'x'),
      await forge(
        'ext-url',
        `[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% ${marker}\n`,
        'x',
      ),
      await forge(
        'update-command',
        `[submodule "x"]\n\tpath = x\n\turl = ${url}\n\tupdate = !touch ${marker}\n`,
        'x',
      ),
      await forge('name-upwards', `[submodule "../../evil"]\n\tpath = x\n\turl = ${url}\n`, 'x'),
      await forge('carriage-return', `[submodule "x"]\n\tpath = "x\\r"\n\turl = ${url}\n`, 'x\r'),
      await forge(
        'link-to-git',
        `[submodule "x/y"]\n\tpath = A/modules/x\n\turl = ${url}\n`,
        'A/modules/x',
        async (root) => {
          await symlink('.git', join(root, 'a'));
          await git(root, 'add', 'a');
        },
      ),
    ];
    for (const source of sources) {
      await failure(open(t, source)).catch(() => undefined);
      t.equal(await lstat(marker).catch(() => undefined), undefined, source);
    }
  },
);

t.test('G03 a symlink in a repository leads nowhere but where it says', async (t) => {
  const base = await temporaryDirectory(t);
  const root = join(base, 'app');
  await mkdir(root, { recursive: true });
  await symlink('/etc/passwd', join(root, 'passwd'));
  await makeRepository(root, { 'a.txt': 'a' });
  const server = await serveGit(t, base);
  const tree = await open(t, server.url('app/.git'));
  t.ok((await lstat(join(tree.path, 'passwd'))).isSymbolicLink());
});

t.test('G03 transfer.fsckObjects: forged objects are refused', async (t) => {
  const base = await temporaryDirectory(t);
  const root = join(base, 'app');
  await makeRepository(root, { 'a.txt': 'a' });
  const blob = await git(root, 'rev-parse', 'HEAD:a.txt');
  const entry = Buffer.concat([Buffer.from('100644 .git\0', 'latin1'), Buffer.from(blob, 'hex')]);
  await writeFile(join(base, 'tree'), entry);
  const forged = await git(
    root,
    'hash-object',
    '--literally',
    '-t',
    'tree',
    '-w',
    join(base, 'tree'),
  );
  const commit = await git(root, 'commit-tree', forged, '-m', 'forged');
  await git(root, 'update-ref', 'refs/heads/forged', commit);
  const server = await serveGit(t, base);
  t.match(await failure(open(t, server.url('app/.git#forged'))), {
    code: 'SOURCE_INVALID',
    exitCode: 4,
  });
});

t.test(
  'Git LFS: pointers are filled where git-lfs is installed, else warned about; filters never run',
  async (t) => {
    const base = await temporaryDirectory(t);
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 5\n`;
    await makeRepository(join(base, 'app'), {
      '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n',
      'a.bin': pointer,
      'b.txt': 'b',
    });
    const server = await serveGit(t, base);
    const without = await open(t, server.url('app/.git'));
    t.match(
      without.ports.messages('warning').at(-1),
      /git-lfs is not installed: 1 files, such as a\.bin/,
    );
    t.equal(await readFile(join(without.path, 'a.bin'), 'utf8'), pointer);

    const bin = join(base, 'bin');
    await mkdir(bin);
    await writeFile(
      join(bin, 'git-lfs'),
      `#!/bin/sh\ncase "$1" in version) ;; pull) echo filled > a.bin; git config filter.lfs.process > process ;; *) exit 1 ;; esac\n`,
    );
    await chmod(join(bin, 'git-lfs'), 0o755);
    const env = { PATH: `${bin}:${process.env['PATH']}`, HOME: '/nonexistent' };
    const filled = await open(t, server.url('app/.git'), { deps: { env } });
    t.equal(await readFile(join(filled.path, 'a.bin'), 'utf8'), 'filled\n');
    t.equal(await readFile(join(filled.path, 'process'), 'utf8'), 'git-lfs filter-process\n');
  },
);

t.test(
  "of the user's own configuration git keeps how servers are reached, and nothing else",
  async (t) => {
    const base = await temporaryDirectory(t);
    const home = join(base, 'home');
    const marker = join(base, 'pwned');
    await mkdir(home);
    await makeRepository(join(base, 'app'), { 'a.txt': 'a', '.gitattributes': '* filter=own\n' });
    const server = await serveGit(t, base, { authorization: 'user:pass' });
    const root = server.url('');
    await writeFile(
      join(home, '.gitconfig'),
      `[url "${root}"]\n\tinsteadOf = https://git.example.com/\n[credential]\n\thelper = "!f() { echo username=user; echo password=pass; }; f"\n[filter "own"]\n\tsmudge = touch ${marker}\n[core]\n\thooksPath = ${home}\n\tfsmonitor = touch ${marker}\n`,
    );
    const env = {
      PATH: process.env['PATH'],
      HOME: home,
      GIT_DIR: '/nonexistent',
      GIT_TRACE: join(base, 'trace'),
    };
    const tree = await open(t, 'https://git.example.com/app/.git', { deps: { env } });
    t.same(await listFiles(tree.path), ['.gitattributes', 'a.txt']);
    t.notOk((await readdir(base)).some((name) => name === 'pwned' || name === 'trace'));
  },
);

t.test('an abort ends git and leaves nothing', async (t) => {
  const base = await temporaryDirectory(t);
  const bin = join(base, 'bin');
  await mkdir(bin);
  await writeFile(
    join(bin, 'git'),
    `#!/bin/sh\n[ "$1" = config ] && exit 1\necho $$ >> ${base}/pids\nsleep 600 &\necho $! >> ${base}/pids\nwait\n`,
  );
  await chmod(join(bin, 'git'), 0o755);
  const { deps } = await makeDeps(t, {
    env: { PATH: `${bin}:${process.env['PATH']}`, HOME: '/nonexistent' },
  });
  const controller = new AbortController();
  const opening = openSource(deps, { spec: parseSource('https://localhost/x') }, controller.signal);
  const pids = async (): Promise<readonly string[]> =>
    (await readFile(join(base, 'pids'), 'utf8').catch(() => '')).split('\n').filter(Boolean);
  while ((await pids()).length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  controller.abort(new Error('enough'));
  await t.rejects(opening, { message: 'enough' });
  for (const pid of await pids()) t.notOk(await isRunning(pid), `${pid} is gone`);
  t.same(await readdir(deps.scratchDir), []);
});

/** A process that is neither gone nor a zombie. */
async function isRunning(pid: string): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) [ZX] /.test(stat);
}
