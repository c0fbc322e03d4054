/**
 * Overlay mounts inside the user namespace (Linux, Documentation/filesystems/overlayfs.rst).
 *
 * A mount that succeeds proves little: without `userxattr`, or with an unusable work directory, the
 * kernel returns success and fails later. The probe therefore does what a build will do.
 */

import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { asBuildError, BuildError } from '../errors/index.ts';
import { removeTree } from '../layer/index.ts';
import { runTool } from './tool.ts';

/** The directories of one overlay mount; all must exist. */
export interface OverlayMount {
  readonly lower: string;
  readonly upper: string;
  readonly work: string;
  readonly target: string;
}

/**
 * Mounts an overlay. `volatile` skips syncs: a scratch that is lost with the machine is rebuilt anyway.
 * Paths are given relative to a common directory, because `,` and `:` in them would end an option.
 *
 * @throws BuildError `RUNTIME_FAILED` when there is no mount, or one that cannot be written to
 */
export async function mountOverlay(mount: OverlayMount, signal?: AbortSignal): Promise<void> {
  const cwd = commonDirectory([mount.lower, mount.upper, mount.work, mount.target]);
  const [lower, upper, work, target] = [mount.lower, mount.upper, mount.work, mount.target].map(
    (path) => relative(cwd, path),
  );
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work},userxattr,volatile`;
  await runTool('mount', ['-i', '-t', 'overlay', 'overlay', '-o', options, '--', String(target)], {
    cwd,
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    accessSync(mount.target, constants.W_OK);
  } catch (cause) {
    await unmount(mount.target);
    const what = 'the overlay cannot be written to: the kernel could not use its work directory';
    throw new BuildError('RUNTIME_FAILED', what, { origin: 'runtime', cause });
  }
}

/** Unmounts; a busy mount is detached and goes when its last user does. */
export async function unmount(target: string): Promise<void> {
  await runTool('umount', ['-i', '--', target]).catch(() =>
    runTool('umount', ['-i', '-l', '--', target]),
  );
}

/** Says why overlay mounts do not work below a directory, or undefined when they do. */
export async function overlayProblem(
  directory: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const probe = mkdtempSync(join(directory, 'probe-'));
  const mount = {
    lower: join(probe, 'l'),
    upper: join(probe, 'u'),
    work: join(probe, 'w'),
    target: join(probe, 'm'),
  };
  try {
    for (const path of Object.values(mount)) mkdirSync(path);
    mkdirSync(join(mount.lower, 'd'));
    writeFileSync(join(mount.lower, 'd', 'old'), '');
    await mountOverlay(mount, signal);
    try {
      return exercise(mount);
    } finally {
      await unmount(mount.target);
    }
  } catch (error) {
    return asBuildError(error).message;
  } finally {
    await removeTree(probe);
  }
}

/** Deletes a lower directory and makes it anew: the operation that broken overlays fail. */
function exercise(mount: OverlayMount): string | undefined {
  const directory = join(mount.target, 'd');
  rmSync(directory, { recursive: true });
  mkdirSync(directory);
  writeFileSync(join(directory, 'new'), '');
  if (readdirSync(directory).join() !== 'new')
    return 'a deleted directory shows its old content again';
  if (!existsSync(join(mount.lower, 'd', 'old'))) return 'the lower directory was changed';
  return undefined;
}

function commonDirectory(paths: readonly string[]): string {
  let common = dirname(paths[0] ?? '/');
  while (!paths.every((path) => path.startsWith(`${common === '/' ? '' : common}/`)))
    common = dirname(common);
  return common;
}
