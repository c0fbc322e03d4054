/** Incremental builds (s2i reference 2.8): artifacts of the last build, wherever they are kept. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { startDockerRegistry } from '../../support/docker-registry.ts';
import { builderImage } from '../../support/images.ts';
import { lastLayerNames, writeTree } from '../s2i-support.ts';
import { openWorkbench, succeed, type Workbench } from '../support.ts';

t.setTimeout(600_000);

const bench = await openWorkbench();
t.teardown(() => bench[Symbol.asyncDispose]());
const { reference: builder } = await builderImage('busybox');
const registry = await startDockerRegistry();
t.teardown(() => registry[Symbol.asyncDispose]());
const insecure = ['--insecure-registry', registry.host];

/** Builds a source incrementally and returns what the metadata say about it. */
async function build(
  at: Workbench,
  source: string,
  tag: string,
  options: readonly string[] = ['--incremental'],
) {
  const file = join(at.directory, 'metadata.json');
  const given = [...insecure, '--metadata-file', file, ...options];
  const built = await at.s2oci(['build', source, builder, tag, ...given]);
  const metadata = built.code === 0 ? JSON.parse(await readFile(file, 'utf8')) : {};
  return { ...built, digest: metadata.digest, incremental: metadata.incremental };
}

/** A source whose artifacts count the builds that they have seen. */
function counting(
  name: string,
  extra: Readonly<Record<string, string>> = {},
  at: Workbench = bench,
) {
  return writeTree(at, `${name}-source`, {
    '.s2i/bin/assemble': `#!/bin/sh
set -e
mkdir -p /app/deps
if [ -d /tmp/artifacts/deps ]; then
  stat -c 'mode %a' /tmp/artifacts
  before=$(ls -id /tmp/artifacts/deps | cut -d' ' -f1)
  rmdir /app/deps
  mv /tmp/artifacts/deps /app/deps
  [ "$before" = "$(ls -id /app/deps | cut -d' ' -f1)" ] && echo "moved by a rename"
else
  echo "from nothing"; echo library >/app/deps/library
fi
cat /tmp/src/version >/app/version
`,
    '.s2i/bin/save-artifacts': '#!/bin/sh\ncd /app && exec tar -c deps\n',
    version: '1',
    ...extra,
  });
}

t.test('G1 G2 G3 nothing, then what is kept beside the image, on any machine', async (t) => {
  const tag = `${registry.host}/apps/counting:1`;
  const first = await build(bench, await counting('one'), tag);
  succeed(t, first);
  t.match(first.stderr, /clean build: there is no previous image/);
  t.match(first.stderr, /from nothing/);
  t.match(first.incremental, { used: false, way: 'none', kept: { done: true } });
  t.ok(first.incremental.kept.sentBytes > 0);

  const second = await build(bench, await counting('two', { version: '2' }), tag);
  succeed(t, second);
  t.match(second.stderr, /moved by a rename/, 'regression: EXDEV on lower dir rename');
  t.match(second.stderr, /mode 700\n/, 'for the owner alone [G]');
  t.match(second.incremental, { used: true, way: 'kept', fetchedBytes: 0 });
  t.equal(second.incremental.kept.sentBytes, 0, 'unchanged artifacts are not sent again');

  await using other = await openWorkbench('without-subuids');
  const third = await build(other, await counting('three', { version: '3' }, other), tag);
  succeed(t, third);
  t.match(third.stderr, /moved by a rename/);
  const { incremental } = third;
  t.match(incremental, { used: true, way: 'kept' });
  t.ok(incremental.fetchedBytes > 0 && incremental.fetchedBytes < 1000, 'only the artifacts');
  t.equal(incremental.kept.sentBytes, 0, 'the same for a user with a single id');

  const changed = await counting('four', {
    '.s2i/bin/save-artifacts': '#!/bin/sh\n# changed\ncd /app && exec tar -c deps\n',
  });
  const fourth = await build(bench, changed, tag);
  succeed(t, fourth);
  t.match(fourth.incremental, { way: 'previous-image' }, 'a changed script is run at once');

  const never = await build(bench, await counting('five', { version: '5' }), tag, [
    '--incremental',
    '--save-artifacts=never',
  ]);
  t.match(never.incremental, { way: 'previous-image', kept: { done: false } });
  const from = await build(
    bench,
    await counting('six', { version: '6' }),
    `${registry.host}/apps/branch:1`,
    [...['--incremental', '--incremental-from', tag]],
  );
  t.match(from.incremental, { used: true }, 'artifacts of another image');
  const empty = await counting('seven', { '.s2i/bin/save-artifacts': '#!/bin/sh\n' });
  t.match((await build(bench, empty, tag)).incremental, {
    used: false,
    reason: 'save-artifacts gave nothing',
    kept: { done: false, reason: 'save-artifacts gave nothing' },
  });
});

t.test('G4 G5 G6 G7 S09 what is no archive, or leads outside, gives a clean build', async (t) => {
  const scripts = {
    noise: ['echo hello\ncd /app && tar -c deps', false],
    padded: ['cd /app && tar -c deps && head -c 100000 /dev/zero', true],
    linked: ['cd /app && ln -f deps/library deps/again && exec tar -c deps', true],
    outside: ['cd /app/deps && echo x >../evil && exec tar -cP ../evil', false],
    failing: ['cd /app && tar -c deps\nexit 3', false],
    unstartable: ['', false],
  } as const;
  for (const [name, [script, works]] of Object.entries(scripts)) {
    const content = name === 'unstartable' ? '#!/bin/none\n' : `#!/bin/sh\n${script}\n`;
    const source = await counting(name, { '.s2i/bin/save-artifacts': content });
    const tag = `oci:${name}:1`;
    succeed(t, await build(bench, source, tag, []));
    const again = await build(bench, source, tag, ['--incremental', '-e', 'AGAIN=1']);
    succeed(t, again);
    t.equal(again.incremental.used, works, `${name}: ${again.incremental.reason}`);
    t.match(again.stderr, works ? /moved by a rename/ : /from nothing/, name);
    t.equal(again.incremental.kept.done, works, `${name}: ${again.incremental.kept.reason}`);
    const names = await lastLayerNames(bench, name);
    t.notOk(names.some((path) => path.startsWith('tmp/artifacts')));
    if (name === 'linked') t.ok(names.includes('app/deps/again'), 'hard links are files');
    if (name === 'failing') t.match(again.stderr, /save-artifacts failed: exit code 3/);
    if (name === 'unstartable')
      t.match(again.stderr, /interpreter \/bin\/none .* not in the image/);
  }
});

t.test('G8 --rm deletes the previous image and what is beside it', async (t) => {
  const tag = `${registry.host}/apps/removed:1`;
  const options = ['--incremental', '--rm'];
  const first = await build(bench, await counting('rm-1'), tag, options);
  const second = await build(bench, await counting('rm-2', { version: '2' }), tag, options);
  succeed(t, second);
  const inspect = (digest: string) =>
    bench.s2oci(['inspect', ...insecure, `${registry.host}/apps/removed@${digest}`]);
  t.equal((await inspect(first.digest)).code, 7, 'the first image is gone');
  t.equal((await inspect(second.digest)).code, 0);

  succeed(t, await bench.s2oci(['tag', ...insecure, tag, 'kept']));
  const third = await build(bench, await counting('rm-3', { version: '3' }), tag, options);
  t.match(third.stderr, /still there: the tag kept is the same image/);
  t.equal((await inspect(second.digest)).code, 0, 'an image with another name stays');
});
