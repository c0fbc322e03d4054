/**
 * The last steps into a root filesystem where nothing but chroot is allowed (chroot(1), setpriv(1)).
 *
 * unshare(1) can change the root as well, and the working directory with it, but always makes a system
 * call that default seccomp profiles deny; chroot(1) starts in /, from where a shell of the image goes on.
 */

import type { RuntimeDeps } from '../deps.ts';
import { countIds } from '../machine/identity.ts';
import type { RunSpec } from '../ports.ts';
import { boundingSet } from './enter.ts';
import { resolveInRootfs } from './resolve.ts';

/**
 * Returns the command that enters and runs `args`, or in words why there is none.
 *
 * @param dropBounding narrow the bounding set, which takes CAP_SETPCAP
 */
export function chrootCommand(
  deps: RuntimeDeps,
  spec: RunSpec,
  args: readonly string[],
  dropBounding: boolean,
): readonly string[] | string {
  const inDirectory = fromDirectory(spec, args);
  if (typeof inDirectory === 'string') return inDirectory;
  const tool = (name: string) => deps.tools.find(name) ?? name;
  const { uid, gid, additionalGids } = spec.user;
  const user =
    countIds(deps.identity.uidMap) === 1
      ? []
      : [`--userspec=+${uid}:+${gid}`, `--groups=${additionalGids.map((id) => `+${id}`).join()}`];
  return [
    ...[tool('setpriv'), '--no-new-privs', '--inh-caps=-all', '--ambient-caps=-all'],
    ...(dropBounding ? [`--bounding-set=${boundingSet(spec)}`] : []),
    ...['--', tool('chroot'), ...user, '--', spec.rootfs],
    ...inDirectory,
  ];
}

function fromDirectory(spec: RunSpec, args: readonly string[]): readonly string[] | string {
  if (spec.cwd === '/') return args;
  if (resolveInRootfs(spec.rootfs, '/bin/sh') === undefined) {
    return `starting in ${spec.cwd} needs a shell in the image for this executor`;
  }
  return ['/bin/sh', '-c', 'cd -- "$1" && shift && exec "$@"', 'sh', spec.cwd, ...args];
}
