/** Renders a run spec as options of bubblewrap (bwrap(1)). */

import { grantable } from '../machine/capabilities.ts';
import type { RunMount, RunSpec } from '../ports.ts';
import { deviceNames } from '../sandbox/fstab.ts';
import { cgroupPath, kindOf, maskedPaths, readOnlyPaths } from '../sandbox/paths.ts';

/** What the options depend on besides the spec. */
export interface BwrapSetting {
  /** Mount a /proc of our own, or bind the outer one read-only. */
  readonly freshProc: boolean;
  /** A host name of its own, which some seccomp profiles deny. */
  readonly hostname: boolean;
  /**
   * Pseudo terminals. For another user than root bubblewrap then nests a second user namespace, by a
   * system call that some seccomp profiles hide.
   */
  readonly terminals: boolean;
  /** Descriptor of a user namespace to enter; absent means one that maps a single id is made. */
  readonly namespaceDescriptor?: number;
  /** Descriptor of the compiled seccomp filter. */
  readonly seccompDescriptor?: number;
  /** Descriptor for the status report. */
  readonly statusDescriptor?: number;
  /** Variables of bubblewrap's own environment, which the process must not see. */
  readonly hide: readonly string[];
}

/** Returns the options of a run, in the order in which bubblewrap carries them out. */
export function bwrapOptions(spec: RunSpec, setting: BwrapSetting): readonly string[] {
  const { freshProc, seccompDescriptor, statusDescriptor } = setting;
  return [
    ...identityOptions(spec, setting.namespaceDescriptor),
    ...['--unshare-pid', '--unshare-ipc'],
    ...(setting.hostname ? ['--unshare-uts', '--hostname', spec.hostname] : []),
    ...(spec.network === 'none' ? ['--unshare-net'] : []),
    ...['--die-with-parent', '--new-session'],
    ...(statusDescriptor === undefined ? [] : ['--json-status-fd', String(statusDescriptor)]),
    ...(seccompDescriptor === undefined ? [] : ['--seccomp', String(seccompDescriptor)]),
    ...[spec.readOnlyRootfs ? '--ro-bind' : '--bind', spec.rootfs, '/'],
    ...(freshProc ? ['--proc', '/proc'] : ['--ro-bind', '/proc', '/proc']),
    ...(setting.terminals ? ['--dev', '/dev'] : devices()),
    ...['--mqueue', '/dev/mqueue', '--ro-bind', '/sys', '/sys'],
    ...masks(freshProc),
    ...spec.mounts.flatMap(renderMount),
    ...['--chdir', spec.cwd],
    ...setting.hide.flatMap((name) => ['--unsetenv', name]),
    ...spec.env.flatMap(renderVariable),
  ];
}

function identityOptions(spec: RunSpec, descriptor: number | undefined): readonly string[] {
  const { uid, gid } = spec.user;
  const namespace = String(descriptor);
  const capabilities = uid === 0 ? grantable(spec.capabilities) : [];
  return [
    // blocking on the namespace's descriptor returns at once and closes it before the process starts
    ...(descriptor === undefined
      ? ['--unshare-user']
      : ['--userns', namespace, '--block-fd', namespace]),
    ...['--uid', String(uid), '--gid', String(gid), '--cap-drop', 'ALL'],
    ...capabilities.flatMap((name) => ['--cap-add', name]),
  ];
}

/** What `--dev` makes, without /dev/pts. */
function devices(): readonly string[] {
  const links = ['fd', 'stdin', 'stdout', 'stderr'];
  const targets = ['/proc/self/fd', '/proc/self/fd/0', '/proc/self/fd/1', '/proc/self/fd/2'];
  return [
    ...['--tmpfs', '/dev'],
    ...deviceNames.flatMap((name) => ['--dev-bind', `/dev/${name}`, `/dev/${name}`]),
    ...links.flatMap((name, index) => ['--symlink', targets[index] ?? '', `/dev/${name}`]),
    ...['--dir', '/dev/shm'],
  ];
}

function masks(freshProc: boolean): readonly string[] {
  const hide = (path: string) => ['--tmpfs', path, '--remount-ro', path];
  const control = kindOf(cgroupPath) === undefined ? [] : hide(cgroupPath);
  if (!freshProc) return control;
  return [
    ...readOnlyPaths.filter((path) => kindOf(path)).flatMap((path) => ['--ro-bind', path, path]),
    ...maskedPaths().flatMap(({ path, kind }) =>
      kind === 'file' ? ['--ro-bind', '/dev/null', path] : hide(path),
    ),
    ...control,
  ];
}

function renderMount(mount: RunMount): readonly string[] {
  if (mount.kind === 'bind') {
    return [mount.readOnly ? '--ro-bind' : '--bind', mount.source, mount.target];
  }
  return [
    ...(mount.mode === undefined ? [] : ['--perms', `0${mount.mode.toString(8)}`]),
    ...(mount.sizeBytes === undefined ? [] : ['--size', String(mount.sizeBytes)]),
    ...['--tmpfs', mount.target],
  ];
}

function renderVariable(variable: string): readonly string[] {
  const equals = variable.indexOf('=');
  if (equals < 1) return [];
  return ['--setenv', variable.slice(0, equals), variable.slice(equals + 1)];
}
