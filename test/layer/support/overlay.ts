/** Real overlay mounts in the namespace of the test, as the agent makes them. */

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** An overlay over a root file system; disposing unmounts it. */
export class Overlay implements Disposable {
  readonly upper: string;
  readonly merged: string;

  constructor(lower: string, directory: string) {
    this.upper = join(directory, 'upper');
    this.merged = join(directory, 'merged');
    for (const path of [directory, this.upper, this.merged, join(directory, 'work')])
      fs.mkdirSync(path, { recursive: true });
    fs.chmodSync(this.upper, 0o755);
    const options = `lowerdir=${lower},upperdir=${this.upper},workdir=${join(directory, 'work')}`;
    run('mount', '-t', 'overlay', 'overlay', '-o', `${options},userxattr,volatile`, this.merged);
  }

  [Symbol.dispose](): void {
    run('umount', this.merged);
  }
}

/** Runs a command that has to succeed. */
export function run(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
}

/** Makes a directory in memory, where nothing has to be synced; what is mounted below goes with it when the test ends. */
export function memoryDirectory(t: Pick<Test, 'teardown'>): string {
  const path = fs.mkdtempSync(join(tmpdir(), 's2oci-memory-'));
  run('mount', '-t', 'tmpfs', 'tmpfs', path);
  t.teardown(() => {
    run('umount', '-l', path);
    fs.rmdirSync(path);
  });
  return path;
}
