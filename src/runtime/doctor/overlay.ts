/**
 * Tries an overlay mount the way a build uses one. A mount that succeeds proves little: without
 * `userxattr`, or with an unusable work directory, it fails later (rootless.md B1).
 */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runHelper } from '../machine/helper.ts';
import type { Tools } from '../machine/tools.ts';

/** Says why overlay mounts do not work below a directory; undefined when they do. */
export async function overlayProblem(tools: Tools, directory: string): Promise<string | undefined> {
  const base = mkdtempSync(join(directory, 'overlay-'));
  const [lower, merged] = [join(base, 'lower'), join(base, 'merged')];
  try {
    for (const name of ['lower/d', 'upper', 'work', 'merged']) {
      mkdirSync(join(base, name), { recursive: true });
    }
    writeFileSync(join(lower, 'd/old'), '');
    const options = 'lowerdir=lower,upperdir=upper,workdir=work,userxattr,volatile';
    const mounting = await runHelper(
      tools.find('mount') ?? 'mount',
      ['-n', '-i', '-t', 'overlay', 'overlay', '-o', options, '--', 'merged'],
      { directory: base },
    );
    if (mounting.code !== 0) return oneLine(mounting.stderr) || 'mount failed without a message';
    try {
      return exercise(lower, merged);
    } finally {
      await runHelper(tools.find('umount') ?? 'umount', ['-n', '-i', '-l', '--', merged]);
    }
  } catch (error) {
    return (error as Error).message;
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

function exercise(lower: string, merged: string): string | undefined {
  rmSync(join(merged, 'd'), { recursive: true });
  mkdirSync(join(merged, 'd'));
  writeFileSync(join(merged, 'd/new'), '');
  if (readdirSync(join(merged, 'd')).join() !== 'new') {
    return 'a deleted directory shows its old content again';
  }
  return existsSync(join(lower, 'd/old')) ? undefined : 'the lower directory was changed';
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, '; ');
}
