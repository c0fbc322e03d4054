/** A small root filesystem with one static program that is a shell and all the usual tools. */

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const directories = ['bin', 'usr/bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'home', 'work'];

/** Makes the root filesystem; needs the package busybox-static. */
export function makeBusyboxRootfs(directory: string): void {
  for (const name of directories) mkdirSync(join(directory, name), { recursive: true });
  execFileSync('chmod', ['1777', join(directory, 'tmp'), join(directory, 'work')]);
  const busybox = join(directory, 'bin/busybox');
  copyFileSync('/bin/busybox', busybox);
  for (const name of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n')) {
    if (name !== 'busybox') symlinkSync('busybox', join(directory, 'bin', name));
  }
  symlinkSync('../../bin/busybox', join(directory, 'usr/bin/env'));
  writeFileSync(join(directory, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\n');
}
