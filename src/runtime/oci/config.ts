/**
 * Writes the config.json of an OCI bundle (runtime-spec, config.md and config-linux.md).
 *
 * The whole config is ours: nothing of the image (labels, annotations, volumes) gets into it. Where the
 * surroundings forbid a fresh /proc or a host name, the form of the bundle leaves them out.
 */

import { grantable } from '../machine/capabilities.ts';
import { countIds, type Identity, isMapped } from '../machine/identity.ts';
import { namedLimits } from '../machine/limits.ts';
import type { ProcessLimits, RunMount, RunSpec } from '../ports.ts';
import { cgroupPath, kindOf, maskedPaths, readOnlyPaths } from '../sandbox/paths.ts';
import type { OciSeccomp } from '../seccomp/oci.ts';

/** Which form of config a machine allows. */
export interface BundleForm {
  /** A /proc of its own with everything hidden that engines hide, or the outer one bound read-only. */
  readonly freshProc: boolean;
  /** A host name of its own. */
  readonly hostname: boolean;
}

/** A mount of a bundle. */
interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** Returns the config of a bundle for one run. */
export function bundleConfig(
  spec: RunSpec,
  form: BundleForm,
  identity: Identity,
  seccomp: OciSeccomp | undefined,
): object {
  const full = form.freshProc;
  return {
    ociVersion: '1.0.2',
    process: processOf(spec, identity),
    root: { path: spec.rootfs, readonly: spec.readOnlyRootfs },
    ...(form.hostname ? { hostname: spec.hostname } : {}),
    mounts: [...systemMounts(full, identity), ...spec.mounts.flatMap(renderMount)],
    linux: {
      namespaces: [
        { type: 'mount' },
        { type: 'pid' },
        { type: 'ipc' },
        ...(form.hostname ? [{ type: 'uts' }] : []),
        ...(spec.network === 'none' ? [{ type: 'network' }] : []),
      ],
      ...(full ? { maskedPaths: maskedPaths().map(({ path }) => path) } : {}),
      ...(full ? { readonlyPaths: readOnlyPaths } : {}),
      ...(seccomp === undefined ? {} : { seccomp }),
    },
  };
}

function processOf(spec: RunSpec, identity: Identity): object {
  const { uid, gid, additionalGids } = spec.user;
  const granted = grantable(spec.capabilities);
  const effective = uid === 0 ? granted : [];
  const groups = countIds(identity.gidMap) > 1 ? additionalGids : [];
  return {
    terminal: false,
    user: { uid, gid, ...(groups.length === 0 ? {} : { additionalGids: groups }) },
    args: spec.args,
    env: spec.env,
    cwd: spec.cwd,
    noNewPrivileges: true,
    capabilities: { bounding: granted, effective, permitted: effective },
    rlimits: renderLimits(spec.limits),
  };
}

function renderLimits(limits: ProcessLimits | undefined): readonly object[] {
  return namedLimits(limits).map(({ name, soft, hard }) => ({
    type: `RLIMIT_${name}`,
    soft,
    hard,
  }));
}

function systemMounts(full: boolean, identity: Identity): readonly OciMount[] {
  const quiet = ['nosuid', 'noexec', 'nodev'];
  const terminalGroup = isMapped(identity.gidMap, 5) ? ['gid=5'] : [];
  const pts = ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', ...terminalGroup];
  return [
    full
      ? { destination: '/proc', type: 'proc', source: 'proc', options: quiet }
      : bind('/proc', '/proc', ['rbind', 'ro', ...quiet]),
    tmpfs('/dev', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
    { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: pts },
    tmpfs('/dev/shm', [...quiet, 'mode=1777', 'size=65536k']),
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: quiet },
    bind('/sys', '/sys', ['rbind', 'ro', ...quiet]),
    ...(kindOf(cgroupPath) === undefined
      ? []
      : [tmpfs(cgroupPath, [...quiet, 'ro', 'mode=755', 'size=4k'])]),
  ];
}

/** A tmpfs of the spec has become a bind by now, see `prepareTmpfs`. */
function renderMount(mount: RunMount): readonly OciMount[] {
  if (mount.kind === 'tmpfs') return [];
  const options = ['rbind', 'rprivate', 'nosuid', 'nodev', mount.readOnly ? 'ro' : 'rw'];
  return [bind(mount.source, mount.target, options)];
}

function bind(source: string, destination: string, options: readonly string[]): OciMount {
  return { destination, type: 'bind', source, options };
}

function tmpfs(destination: string, options: readonly string[]): OciMount {
  return { destination, type: 'tmpfs', source: 'tmpfs', options };
}
