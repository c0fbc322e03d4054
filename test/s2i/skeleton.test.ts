import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { builderSkeleton } from '../../src/s2i/index.ts';
import { failure } from './support.ts';

async function write(t: { teardown(work: () => unknown): void }, name: string): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 's2oci-skeleton-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  for (const { path, mode, text } of builderSkeleton(name)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text, { mode });
  }
  return root;
}

t.test('P1 the tree that create writes', async (t) => {
  const files = builderSkeleton('my-builder');
  t.same(
    files.map(({ path, mode }) => `${mode.toString(8)} ${path}`),
    [
      '644 Dockerfile',
      '644 Makefile',
      '644 README.md',
      '755 s2i/bin/assemble',
      '755 s2i/bin/run',
      '755 s2i/bin/save-artifacts',
      '755 s2i/bin/usage',
      '755 test/run',
      '644 test/test-app/index.html',
    ],
  );
  for (const { path, text } of files) {
    t.ok(text.endsWith('\n'), path);
    t.notMatch(text, /[ \t]\n/, `${path} has no space at line ends`);
  }
  t.ok(
    files.filter(({ mode }) => mode === 0o755).every(({ text }) => text.startsWith('#!/bin/sh\n')),
  );
});

t.test('P1 the scripts pass shellcheck', async (t) => {
  const root = await write(t, 'registry.example.com/team/my-builder:1');
  const scripts = [
    's2i/bin/assemble',
    's2i/bin/run',
    's2i/bin/save-artifacts',
    's2i/bin/usage',
    'test/run',
  ];
  const result = spawnSync('shellcheck', scripts, { cwd: root, encoding: 'utf8' });
  t.equal(result.error, undefined, 'shellcheck is installed');
  t.equal(result.stdout, '');
  t.equal(result.status, 0);
});

t.test('P2 usage explains the builder', async (t) => {
  const root = await write(t, 'my-builder');
  const text = execFileSync(join(root, 's2i/bin/usage'), { encoding: 'utf8' });
  t.match(text, /This is my-builder, an S2I builder image/);
  t.match(text, /Sample invocation/);
});

t.test('P1 names that could break the files are refused', async (t) => {
  for (const name of ['', '-x', 'a b', 'a"b', '$(id)', 'a\nb', "a'b", 'EOF;', 'x'.repeat(300)])
    t.match(
      failure(() => builderSkeleton(name)),
      { code: 'USAGE_INVALID' },
      name.slice(0, 20),
    );
});
