/** The build context of all cases: entries of every kind that a context can have. */

import { chmod, link, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../support/as-user.ts';

const files: Readonly<Record<string, string>> = {
  'a.txt': 'a\n',
  'b.txt': 'b\n',
  'script.sh': '#!/bin/sh\necho script\n',
  secret: 'private\n',
  setuid: 'setuid\n',
  'with space.txt': 'space\n',
  café: 'coffee\n',
  'dir/one': '1\n',
  'dir/two': '2\n',
  'dir/.hidden': 'hidden\n',
  'dir/sub/three': '3\n',
  'other/one': 'other 1\n',
  'other/four': '4\n',
  'links/file': 'target\n',
  'links/dir/in': 'in\n',
  'broken/file': 'x\n',
  'hard/one': 'hard\n',
  'text.tar': 'this is no archive\n',
  'archives/text': 'text\n',
  'tarred/in-tar': 'from the archive\n',
  'tarred/deep/er': 'deeper\n',
  'tarred/script': '#!/bin/sh\n',
};

const modes: Readonly<Record<string, number>> = {
  'script.sh': 0o755,
  secret: 0o600,
  setuid: 0o4755,
  'dir/sub': 0o750,
  'dir/two': 0o640,
  'tarred/script': 0o4750,
  'tarred/deep': 0o2770,
};

const symlinks: Readonly<Record<string, string>> = {
  'link-file': 'a.txt',
  'link-dir': 'dir',
  'links/relative': 'file',
  'links/absolute': '/data/file',
  'links/to-dir': 'dir',
  'broken/dangling': 'nothing/here',
  'broken/loop': 'loop',
  'tarred/sym': 'in-tar',
};

/** Fills a directory. */
export async function makeContext(directory: string): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  await mkdir(join(directory, 'empty'));
  for (const [path, target] of Object.entries(symlinks))
    await symlink(target, join(directory, path));
  await link(join(directory, 'hard/one'), join(directory, 'hard/two'));
  await link(join(directory, 'tarred/in-tar'), join(directory, 'tarred/hard'));
  for (const [path, mode] of Object.entries(modes)) await chmod(join(directory, path), mode);
  await makeArchives(directory);
}

/** Archives with owners of their own, so that it shows who an unpacked file belongs to. */
async function makeArchives(directory: string): Promise<void> {
  const tar = async (flags: readonly string[], name: string, from: string): Promise<void> => {
    const owners = ['--owner=user:1001', '--group=group:50', '--sort=name', '--mtime=@1000000000'];
    const args = ['-C', directory, ...flags, '-f', join(directory, name), ...owners, from];
    const { code, stderr } = await run('tar', args);
    if (code !== 0) throw new Error(stderr);
  };
  await tar(['-c', '--transform=s,^tarred/,,', '--exclude=tarred$'], 'files.tar', 'tarred/');
  await tar(['-cz', '--transform=s,^tarred/,,'], 'files.tar.gz', 'tarred/');
  await tar(['-cj', '--transform=s,^tarred/,,'], 'files.tar.bz2', 'tarred/');
  await tar(['-cJ', '--transform=s,^tarred/,,'], 'files.tar.xz', 'tarred/');
  await tar(['-cz'], 'disguised', 'other');
  await tar(['-cz'], 'other.tar.gz', 'other');
  await tar(['-cz'], 'archives/inner.tar.gz', 'other');
  await writeFile(join(directory, 'files.zip'), Buffer.from('504b0506'.padEnd(44, '0'), 'hex'));
}
