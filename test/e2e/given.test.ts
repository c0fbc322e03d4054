/** What assemble is given for the build only: secrets, caches, an ssh agent. Nothing of it is in an image. */

import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../support/as-user.ts';
import { builderImage } from '../support/images.ts';
import { leftovers, openWorkbench, processesOf, succeed, type Workbench } from './support.ts';

t.setTimeout(600_000);

const secret = 'correct horse battery staple';
const asUser = ['--assemble-user', '1001'];
const digest = /sha256:[0-9a-f]{64}/;

/** A source whose assemble does these things in busybox's shell. */
async function makeSource(bench: Workbench, name: string, assemble: string): Promise<string> {
  const source = join(bench.directory, name);
  await mkdir(join(source, '.s2i/bin'), { recursive: true });
  await writeFile(join(source, '.s2i/bin/assemble'), `#!/bin/sh\nset -e\n${assemble}\n`);
  await run('chown', ['-R', `${bench.user.uid}:${bench.user.gid}`, source]);
  return source;
}

async function build(bench: Workbench, source: string, options: readonly string[]) {
  const { reference } = await builderImage('busybox');
  const target = `oci:${join(bench.directory, 'image')}`;
  return bench.s2oci(['build', source, reference, target, '--progress', 'plain', ...options], {
    env: { TOKEN: secret },
  });
}

/** Whether the store or the image, which is not compressed, holds a text. */
async function storeHolds(bench: Workbench, text: string): Promise<boolean> {
  const { code } = await run('grep', [
    '-rqaF',
    '--',
    text,
    bench.home,
    join(bench.directory, 'image'),
  ]);
  return code === 0;
}

for (const kind of ['with-subuids', 'without-subuids'] as const) {
  t.test(`${kind}: a secret can be read by assemble, and shows nowhere`, async (t) => {
    await using bench = await openWorkbench(kind);
    const file = join(bench.directory, 'secret-file');
    await writeFile(file, 'x'.repeat(20_000));
    await run('chown', [String(bench.user.uid), file]);
    const source = await makeSource(
      bench,
      'source',
      `
      wc -c < /run/secrets/token
      cat /run/secrets/token; echo; printf 'half %s' correct; printf ' horse battery staple\\n'
      ls -ln /run/secrets/token /etc/deep/file
      wc -c < /etc/deep/file
      (echo no > /run/secrets/token) 2>/dev/null && exit 1
      grep ' /run/secrets/token ' /proc/self/mountinfo | grep -q 'ro,nosuid,nodev' || exit 2
      echo built > /tmp/built`,
    );
    const options = [...asUser, '--secret', 'id=token,env=TOKEN', '--compression', 'none'];
    const built = await build(bench, source, [
      ...options,
      ...['--secret', `id=file,src=${file},target=/etc/deep/file,mode=0440`],
    ]);
    succeed(t, built);
    t.notMatch(built.stderr, secret);
    t.match(built.stderr, /half \*\*\*/);
    t.match(built.stderr, /-r-------- +1 1001 +0 /, 'it belongs to the user of assemble');
    t.match(built.stderr, /-r--r----- +1 1001 +0 /);
    t.match(built.stderr, /\| 28\n[\s\S]*\| 20000\n/);
    t.notOk(await storeHolds(bench, 'run/secrets'), 'not even its mount point');
    t.notOk(await storeHolds(bench, secret));
    t.same(await leftovers(bench.home), []);
  });
}

t.test('I5: a layer that holds a secret fails the build, in whatever form', async (t) => {
  await using bench = await openWorkbench();
  for (const [name, assemble] of [
    ['plain', 'mkdir /app/x; cat /run/secrets/token > /app/x/copied'],
    ['base64', 'printf "user:%s" "$(cat /run/secrets/token)" | base64 > /app/x'],
    ['name', 'touch "/app/$(cat /run/secrets/token)"'],
    ['link', 'ln -s "$(cat /run/secrets/token)" /app/x'],
  ] as const) {
    const source = await makeSource(bench, name, assemble);
    const built = await build(bench, source, ['--secret', 'id=token,env=TOKEN']);
    t.equal(built.code, 15, built.stderr);
    t.match(built.stderr, /SECRET_IN_IMAGE/);
    t.match(built.stderr, name === 'plain' ? 'is in /app/x/copied' : /is in \/app\/(x|\*\*\*)/);
    t.notMatch(built.stderr, secret);
    t.equal(built.stdout, '', 'nothing was published');
    t.same(await leftovers(bench.home), []);
  }
  const labelled = await makeSource(bench, 'label', 'echo built > /tmp/built');
  const built = await build(bench, labelled, [
    ...['--secret', 'id=token,env=TOKEN', '--label', `x=${secret}`],
  ]);
  t.equal(built.code, 15, built.stderr);
  t.match(built.stderr, 'image config');
});

for (const kind of ['with-subuids', 'without-subuids'] as const) {
  t.test(`${kind}: a cache is there in the next build, and in no image`, async (t) => {
    await using bench = await openWorkbench(kind);
    const source = await makeSource(
      bench,
      'source',
      'ls -lnd /var/cache/app; cat /var/cache/app/count 2>/dev/null || echo none; echo kept > /var/cache/app/count; echo built > /tmp/built',
    );
    const option = [...asUser, '--cache', 'id=app,target=/var/cache/app'];
    const first = await build(bench, source, option);
    succeed(t, first);
    t.match(first.stderr, /drwxr-xr-x .* 1001 +0 .*\/var\/cache\/app/);
    t.match(first.stderr, /\bnone$/m);
    const second = await build(bench, source, [...option, '--no-cache']);
    succeed(t, second);
    t.match(second.stderr, /\bkept$/m);
    t.equal(digest.exec(second.stdout)?.[0], digest.exec(first.stdout)?.[0], 'the same image');
    const other = await build(bench, source, [
      ...asUser,
      ...['--cache', 'id=other,target=/var/cache/app'],
    ]);
    t.match(other.stderr, /\bnone$/m, 'another id is another cache');
    const { stdout } = await bench.s2oci(['store', 'df', '--json']);
    t.equal(JSON.parse(stdout).caches.count, 2);
    succeed(t, await bench.s2oci(['store', 'prune']));
    t.same(await readdir(join(bench.home, 'caches')), []);
  });
}

t.test('R09: proxies reach assemble, and no image', async (t) => {
  await using bench = await openWorkbench();
  const source = await makeSource(bench, 'source', 'env | grep -i proxy; echo built > /tmp/built');
  const env = { https_proxy: 'http://canary-proxy:3128', NO_PROXY: 'canary-host' };
  const { reference } = await builderImage('busybox');
  const target = `oci:${join(bench.directory, 'image')}`;
  const options = { env };
  const built = await bench.s2oci(
    ['build', source, reference, target, '--progress', 'plain'],
    options,
  );
  succeed(t, built);
  t.match(built.stderr, /\| https_proxy=http:\/\/canary-proxy:3128$/m);
  t.match(built.stderr, /\| NO_PROXY=canary-host$/m);
  t.notOk(await storeHolds(bench, 'canary-'));
});

t.test(
  'an ssh agent is there for the user of assemble, with the keys that were named',
  async (t) => {
    await using bench = await openWorkbench();
    const key = join(bench.directory, 'key');
    const makeKey = ['-q', '-t', 'ed25519', '-N', '', '-f', key];
    succeed(t, await bench.run('ssh-keygen', makeKey));
    const source = await makeSource(
      bench,
      'source',
      'ls -ln "$SSH_AUTH_SOCK"; echo built > /tmp/built',
    );
    const built = await build(bench, source, [...asUser, '--ssh', `default=${key}`]);
    succeed(t, built);
    t.match(built.stderr, /srw------- .* 1001 +0 .*\/run\/s2oci\/ssh\/default\.sock/);
    t.notOk(await storeHolds(bench, 'SSH_AUTH_SOCK='));
    t.same(await processesOf(bench.directory), []);
    t.same(await leftovers(bench.home), []);
  },
);
