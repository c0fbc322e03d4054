/** Copying a source directory: what is copied, with which attributes, and what is refused. */

import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type CopyOptions, copyTree, removeTree } from '../../src/layer/index.ts';
import { type ByteString, byteStringOf } from '../../src/model/index.ts';
import { runInside } from './support/namespace.ts';
import { run } from './support/overlay.ts';
import { snapshot } from './support/snapshot.ts';

const usual: CopyOptions = { symlinks: 'preserve', mtime: 1_500_000_000_000_000_000n };

function scratch(t: Test): { from: string; to: string; top: string } {
  const top = fs.mkdtempSync(join(tmpdir(), 's2oci-copy-'));
  t.teardown(() => removeTree(top));
  const [from, to] = [`${top}/from`, `${top}/to`];
  fs.mkdirSync(`${from}/d/deep`, { recursive: true });
  fs.writeFileSync(`${from}/d/deep/file`, 'content');
  fs.writeFileSync(`${from}/script`, '#!/bin/sh', { mode: 0o755 });
  fs.symlinkSync('d/deep/file', `${from}/link`);
  return { from, to, top };
}

t.test('the copy depends on content alone', async (t) => {
  const { from, to } = scratch(t);
  fs.chmodSync(`${from}/d`, 0o2777);
  fs.chmodSync(`${from}/d/deep/file`, 0o666);
  fs.chmodSync(`${from}/script`, 0o4775);
  for (const umask of [0, 0o022, 0o077]) {
    const before = process.umask(umask);
    const result = await copyTree(from, `${to}${umask}`, usual).finally(() =>
      process.umask(before),
    );
    t.same(result, { files: 3, bytes: 16, warnings: [] });
    const lines = [...snapshot(`${to}${umask}`, { owners: false })].map((pair) => pair.join(': '));
    const time = '1500000000000000us';
    t.match(lines, [
      `: directory 755 ${time}`,
      `d: directory 755 ${time}`,
      `d/deep: directory 755 ${time}`,
      new RegExp(`d/deep/file: file 644 ${time} 7 `),
      `link: symlink 777 ${time} -> d/deep/file`,
      new RegExp(`script: file 755 ${time} 9 `),
    ]);
  }
});

t.test('modes, times and execute bits as asked', async (t) => {
  const { from, to } = scratch(t);
  fs.chmodSync(`${from}/d/deep/file`, 0o640);
  fs.utimesSync(`${from}/script`, -5, 1_234_567_890.5);
  await copyTree(from, to, { symlinks: 'preserve', modeMask: 0o007, executable: true });
  t.equal(fs.statSync(`${to}/d/deep/file`).mode & 0o777, 0o750);
  t.equal(fs.statSync(`${to}/script`).mtimeMs, 1_234_567_890_500);
});

t.test('what the filter leaves out is not even looked at', async (t) => {
  const { from, to } = scratch(t);
  fs.mkdirSync(`${from}/.git`, { mode: 0 });
  const asked: string[] = [];
  const filter = (path: ByteString, isDirectory: boolean) => {
    asked.push(`${path}${isDirectory ? '/' : ''}`);
    return path !== '.git' && path !== 'd/deep/file';
  };
  await copyTree(from, to, { ...usual, filter });
  t.same(asked, ['.git/', 'd/', 'd/deep/', 'd/deep/file', 'link', 'script']);
  t.same(fs.readdirSync(to).sort(), ['d', 'link', 'script']);
});

t.test('existing directories are merged with, everything else gives way', async (t) => {
  const { from, to, top } = scratch(t);
  fs.mkdirSync(`${to}/d`, { recursive: true });
  fs.writeFileSync(`${to}/d/kept`, '');
  fs.mkdirSync(`${to}/script/full`, { recursive: true });
  fs.mkdirSync(`${top}/outside`);
  fs.writeFileSync(`${top}/outside/file`, 'untouched');
  fs.symlinkSync(`${top}/outside`, `${to}/d/deep`);
  fs.linkSync(`${top}/outside/file`, `${to}/link`);
  await copyTree(from, to, usual);
  t.same(fs.readdirSync(`${to}/d`).sort(), ['deep', 'kept']);
  t.equal(fs.readFileSync(`${to}/d/deep/file`, 'utf8'), 'content');
  t.ok(fs.statSync(`${to}/script`).isFile());
  t.same(fs.readdirSync(`${top}/outside`), ['file'], 'nothing went through the symlink');
  t.equal(fs.readFileSync(`${top}/outside/file`, 'utf8'), 'untouched');
});

t.test('names are bytes, empty and large and sparse files are whole', async (t) => {
  const { from, to } = scratch(t);
  const odd = Buffer.from(`${from}/\xff\n`, 'latin1');
  fs.writeFileSync(odd, 'odd');
  fs.writeFileSync(`${from}/empty`, '');
  const large = Buffer.alloc(3_000_001, 7);
  fs.writeFileSync(`${from}/large`, large);
  const fd = fs.openSync(`${from}/sparse`, 'w');
  fs.writeSync(fd, 'middle', 2 ** 29);
  fs.ftruncateSync(fd, 2 ** 30);
  fs.closeSync(fd);
  await copyTree(from, to, usual);
  t.equal(fs.readFileSync(Buffer.from(`${to}/\xff\n`, 'latin1'), 'utf8'), 'odd');
  t.equal(fs.statSync(`${to}/empty`).size, 0);
  t.ok(fs.readFileSync(`${to}/large`).equals(large));
  const stat = fs.statSync(`${to}/sparse`);
  t.equal(stat.size, 2 ** 30);
  t.ok(stat.blocks * 512 < 2 ** 21, 'holes stay holes');
  run('cmp', `${from}/sparse`, `${to}/sparse`);
});

t.test('what is neither file nor directory is left out with a warning', async (t) => {
  const { from, to } = scratch(t);
  run('mkfifo', `${from}/\u001b[31mfifo`);
  const { warnings } = await copyTree(from, to, usual);
  t.same(warnings, ['left out, neither file nor directory: "\\u{1b}[31mfifo"']);
  t.notOk(fs.existsSync(`${to}/\u001b[31mfifo`));
});

t.test('followed symlinks become what they lead to, inside the source only', async (t) => {
  const { from, to, top } = scratch(t);
  fs.symlinkSync('d', `${from}/dir-link`);
  const options = { ...usual, symlinks: 'follow' } as const;
  await copyTree(from, to, options);
  t.ok(fs.lstatSync(`${to}/link`).isFile());
  t.equal(fs.readFileSync(`${to}/dir-link/deep/file`, 'utf8'), 'content');
  for (const target of ['/etc/passwd', '..', `${from}-evil`, '../from-evil/x']) {
    fs.mkdirSync(`${top}/from-evil`, { recursive: true });
    fs.writeFileSync(`${top}/from-evil/x`, '');
    fs.symlinkSync(target, `${from}/evil`);
    await t.rejects(copyTree(from, `${to}2`, options), { code: 'PATH_UNSAFE' }, target);
    fs.unlinkSync(`${from}/evil`);
  }
  fs.symlinkSync('..', `${from}/d/circle`);
  await t.rejects(copyTree(from, `${to}3`, options), {
    code: 'SOURCE_INVALID',
    message: /circles/,
  });
  fs.unlinkSync(`${from}/d/circle`);
  fs.symlinkSync('nowhere', `${from}/dangling`);
  await copyTree(from, `${to}4`, options);
  t.equal(fs.readlinkSync(`${to}4/dangling`), 'nowhere', 'one that leads nowhere stays a symlink');
});

t.test('abortion, a missing source, nesting without end', async (t) => {
  const { from, to } = scratch(t);
  const signal = AbortSignal.abort(new Error('enough'));
  await t.rejects(copyTree(from, to, usual, signal), { message: 'enough' });
  await t.rejects(copyTree(`${from}/missing`, to, usual), { code: 'IO_FAILED' });
  let deep = from;
  for (let i = 0; i < 1030; i += 1) {
    deep = `${deep}/x`;
    fs.mkdirSync(deep);
  }
  await t.rejects(copyTree(from, to, usual), { code: 'SOURCE_INVALID', message: /too deep/ });
});

t.test('without a filter a path is passed as bytes', async (t) => {
  const { from, to } = scratch(t);
  fs.writeFileSync(`${from}/caf\u00e9`, '');
  const seen = new Set<ByteString>();
  const filter = (path: ByteString) => seen.add(path).size > 0;
  await copyTree(from, to, { ...usual, filter });
  t.ok(seen.has(byteStringOf('caf\u00e9')));
});

await runInside('copy-owner', 'full');
