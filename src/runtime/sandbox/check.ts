/**
 * Checks a run spec against its root filesystem and pins its paths before any executor sees it.
 *
 * Every executor gets mount targets without symlinks that exist, so that none has to make them (they
 * would stay in the image) or follow links of the image with the agent's privileges.
 */

import { BuildError } from '../../errors/index.ts';
import type { RunMount, RunSpec } from '../ports.ts';
import { resolveInRootfs } from './resolve.ts';

const containerId = /^[A-Za-z0-9]{1,64}$/;
const maxId = 2 ** 31 - 2;

/** Kernel file systems that executors mount themselves. */
const systemMountPoints = ['/proc', '/dev', '/sys'];

/**
 * Returns the spec with every mount target resolved.
 *
 * @throws BuildError `RUNTIME_FAILED` for what is malformed or missing, `PATH_UNSAFE` for a /proc, /dev
 * or /sys that is not a directory of the image itself
 */
export function checkSpec(spec: RunSpec): RunSpec {
  if (!containerId.test(spec.id)) fail(`invalid container id: ${JSON.stringify(spec.id)}`);
  const ids = [spec.user.uid, spec.user.gid, ...spec.user.additionalGids];
  if (!ids.every((id) => Number.isInteger(id) && id >= 0 && id <= maxId)) {
    fail('a user or group id is out of range');
  }
  if (spec.args.length === 0) fail('there is nothing to run');
  if ([...spec.args, ...spec.env, spec.cwd].some((text) => text.includes('\0'))) {
    fail('an argument or variable holds a NUL character');
  }
  if (spec.rootfs !== '/') {
    for (const path of systemMountPoints) checkSystemMountPoint(spec.rootfs, path);
  }
  return {
    ...spec,
    cwd: directory(spec.rootfs, spec.cwd),
    mounts: spec.mounts.map((mount) => pinned(spec.rootfs, mount)),
  };
}

function checkSystemMountPoint(rootfs: string, path: string): void {
  const resolved = resolveInRootfs(rootfs, path);
  if (resolved === undefined) fail(`the root filesystem has no ${path}`);
  if (resolved.path !== path || !resolved.stats.isDirectory()) {
    throw new BuildError('PATH_UNSAFE', `${path} of the root filesystem is not a plain directory`, {
      origin: 'builder',
      suggestion: 'rebuild the builder image with an empty directory there',
    });
  }
}

function directory(rootfs: string, cwd: string): string {
  const resolved = cwd.startsWith('/') ? resolveInRootfs(rootfs, cwd) : undefined;
  if (resolved?.stats.isDirectory() !== true) {
    fail(`the working directory ${JSON.stringify(cwd)} does not exist in the root filesystem`);
  }
  return cwd;
}

function pinned(rootfs: string, mount: RunMount): RunMount {
  const resolved = mount.target.startsWith('/') ? resolveInRootfs(rootfs, mount.target) : undefined;
  if (resolved === undefined)
    fail(`the mount point ${JSON.stringify(mount.target)} does not exist`);
  return { ...mount, target: resolved.path };
}

function fail(what: string): never {
  throw new BuildError('RUNTIME_FAILED', what, { origin: 'runtime' });
}
