/**
 * Replaces tmpfs mounts by binds of ones we mount ourselves, for runtimes of the runc family: released
 * versions give a tmpfs the mode of the directory it covers, whatever mode was asked for.
 */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { BuildError } from '../../errors/index.ts';
import type { RuntimeDeps } from '../deps.ts';
import { runHelper } from '../machine/helper.ts';
import type { RunMount } from '../ports.ts';

/** Mounts of a run without tmpfs; disposing unmounts what stands in for it. */
export interface PreparedMounts extends AsyncDisposable {
  readonly mounts: readonly RunMount[];
}

/** Mounts every tmpfs below a directory. */
export async function prepareTmpfs(
  deps: RuntimeDeps,
  mounts: readonly RunMount[],
  directory: string,
): Promise<PreparedMounts> {
  const mounted: string[] = [];
  const unmount = async () => {
    for (const path of mounted.splice(0)) {
      await runHelper(deps.tools.find('umount') ?? 'umount', ['-n', '-l', '--', path]);
    }
  };
  const result: RunMount[] = [];
  try {
    for (const [index, mount] of mounts.entries()) {
      result.push(await prepared(deps, mount, join(directory, `tmpfs-${index}`), mounted));
    }
  } catch (error) {
    await unmount();
    throw error;
  }
  return { mounts: result, [Symbol.asyncDispose]: unmount };
}

async function prepared(
  deps: RuntimeDeps,
  mount: RunMount,
  path: string,
  mounted: string[],
): Promise<RunMount> {
  if (mount.kind === 'bind') return mount;
  mkdirSync(path);
  const size = mount.sizeBytes === undefined ? '' : `,size=${mount.sizeBytes}`;
  const options = `nosuid,nodev,mode=${(mount.mode ?? 0o755).toString(8)}${size}`;
  const program = deps.tools.find('mount') ?? 'mount';
  const args = ['-n', '-t', 'tmpfs', '-o', options, 'tmpfs', path];
  const { code, stderr } = await runHelper(program, args);
  if (code !== 0) {
    throw new BuildError('RUNTIME_FAILED', `mounting a tmpfs: ${stderr.trim()}`, {
      origin: 'runtime',
    });
  }
  mounted.push(path);
  return { kind: 'bind', source: path, target: mount.target, readOnly: false };
}
