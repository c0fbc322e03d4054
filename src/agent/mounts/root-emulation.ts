/**
 * What root emulation needs besides its seccomp filter: apt looks whether it really became another user, so it
 * is told to stay who it is.
 */

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveInRoot } from '../../layer/index.ts';
import type { RunMount } from '../../runtime/index.ts';

const aptDirectory = '/etc/apt/apt.conf.d';

/** Returns the mounts of a run with emulated root in a root file system; files go into `directory`. */
export function mountRootEmulation(root: string, directory: string): readonly RunMount[] {
  const { path } = resolveInRoot(root, aptDirectory, { makeDirectories: false });
  if (!existsSync(path)) return [];
  const source = join(directory, 'apt.conf');
  writeFileSync(source, 'APT::Sandbox::User "root";\n');
  return [{ kind: 'bind', source, target: `${aptDirectory}/zz-s2oci`, readOnly: true }];
}
