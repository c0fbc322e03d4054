/**
 * Pods and containers as Kubernetes, OpenShift and docker make them, recreated with runc: real capability
 * sets, real kinds of seccomp profiles, masked /proc, user namespaces. The root filesystem is an overlay
 * over this machine's own, as in a real container; /volume is a directory of a disk (emptyDir).
 *
 * Needs root on the test machine; what runs inside has exactly what the pod gives it.
 */

import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunResult, run } from '../../support/as-user.ts';
import { podSeccomp, type SeccompKind } from './pod-seccomp.ts';

/** What the machine's own root filesystem needs to be one of a pod. */
function machineMounts(): readonly object[] {
  return [
    {
      destination: '/tmp',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'nodev', 'mode=1777'],
    },
    // The checkout may itself lie below /tmp.
    bind([checkout, checkout]),
  ];
}

/** What a pod is given. */
export interface Pod {
  readonly uid: number;
  readonly gid?: number;
  readonly seccomp: SeccompKind;
  /** Capabilities of the bounding set, and of the process itself where it is root. */
  readonly capabilities: readonly string[];
  readonly noNewPrivileges?: boolean;
  /** /proc as engines show it (default), or whole. */
  readonly procMount?: 'masked' | 'unmasked';
  /** false: a user namespace of its own, as `hostUsers: false`. */
  readonly hostUsers?: boolean;
  /** newuidmap with file capabilities instead of the setuid bit. */
  readonly fileCapabilities?: boolean;
  /** /dev/net/tun, usable by everybody. */
  readonly tunnel?: boolean;
  /** A passwd entry and subordinate ids for the uid, where the image is this machine's root filesystem. */
  readonly passwd?: boolean;
}

/** Docker's default set. */
export const dockerCapabilities = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

const maskedPaths = [
  '/proc/acpi',
  '/proc/kcore',
  '/proc/keys',
  '/proc/timer_list',
  '/sys/firmware',
];
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];
const tunnel = {
  path: '/dev/net/tun',
  type: 'c',
  major: 10,
  minor: 200,
  fileMode: 0o666,
  uid: 0,
  gid: 0,
};
const userNamespaceStart = 400_000;
const checkout = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

/** What a pod has besides its rights. */
export interface PodSetting {
  /** More environment. */
  readonly env?: readonly string[];
  /** The root filesystem of its image; default is this machine's own. Never written to. */
  readonly image?: string;
  /** Paths of this machine that the pod sees, read-only, and where. */
  readonly mounts?: readonly (readonly [from: string, to: string])[];
  /** Shell text run as root of the machine in the pod's root filesystem before it starts. */
  readonly prepare?: string;
}

/** Runs a command in a pod; `/volume` inside is empty and belongs to the pod's user. */
export async function runInPod(
  pod: Pod,
  command: readonly string[],
  setting: PodSetting = {},
): Promise<RunResult> {
  const base = mkdtempSync(join(tmpdir(), 's2oci-pod-'));
  const volume = join(base, 'volume');
  mkdirSync(volume);
  const offset = pod.hostUsers === false ? userNamespaceStart : 0;
  chownSync(volume, pod.uid + offset, (pod.gid ?? 0) + offset);
  chmodSync(volume, 0o755);
  chmodSync(base, 0o711);
  writeFileSync(join(base, 'config.json'), JSON.stringify(config(pod, base, command, setting)));
  try {
    return await run('unshare', [
      '--mount',
      '--',
      'sh',
      '-ec',
      script,
      'sh',
      base,
      ...flags(pod, setting),
    ]);
  } finally {
    execFileSync('rm', ['-rf', base]);
    rmSync(base, { recursive: true, force: true });
  }
}

// $1 = directory, $2 = uid with a passwd entry or empty, $3 = whether newuidmap gets file capabilities,
// $4 = gid, $5 = root filesystem of the image, $6 = shell text
const script = `
  mkdir -p "$1/layers" "$1/rootfs"
  mount -t tmpfs tmpfs "$1/layers"
  mkdir "$1/layers/upper" "$1/layers/work"
  mount -t overlay overlay -o "lowerdir=$5,upperdir=$1/layers/upper,workdir=$1/layers/work" "$1/rootfs"
  chmod 755 "$1/layers/upper"
  mkdir -p "$1/rootfs/volume"
  rm -f "$1/rootfs/.dockerenv"
  if [ -n "$2" ]; then
    echo "pod:x:$2:$4::/volume:/bin/sh" >> "$1/rootfs/etc/passwd"
    echo "pod:100000:65536" >> "$1/rootfs/etc/subuid"
    echo "pod:100000:65536" >> "$1/rootfs/etc/subgid"
  fi
  if [ -n "$3" ]; then
    for name in newuidmap newgidmap; do
      chmod u-s "$1/rootfs/usr/bin/$name"
      kind=\${name#new}; kind=\${kind%map}
      setcap "cap_set$kind=ep" "$1/rootfs/usr/bin/$name"
    done
  fi
  (cd "$1/rootfs" && eval "$6")
  exec runc --root "$1/state" run --bundle "$1" "pod$$"
`;

function flags(pod: Pod, { image = '/', prepare = '' }: PodSetting): readonly string[] {
  const entry = pod.passwd === true && image === '/' ? String(pod.uid) : '';
  const helpers = pod.fileCapabilities === true ? 'yes' : '';
  return [entry, helpers, String(pod.gid ?? 0), image, prepare];
}

function config(
  pod: Pod,
  base: string,
  command: readonly string[],
  { env = [], image, mounts: more = [] }: PodSetting,
): object {
  const root = pod.uid === 0;
  const masked = pod.procMount !== 'unmasked';
  const own = pod.hostUsers === false;
  const map = [{ containerID: 0, hostID: userNamespaceStart, size: 65536 }];
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: pod.uid, gid: pod.gid ?? 0 },
      args: command,
      env: [
        'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
        'HOME=/volume',
        'KUBERNETES_SERVICE_HOST=10.0.0.1',
        ...env,
      ],
      cwd: '/',
      noNewPrivileges: pod.noNewPrivileges ?? false,
      capabilities: {
        bounding: pod.capabilities,
        effective: root ? pod.capabilities : [],
        permitted: root ? pod.capabilities : [],
      },
    },
    root: { path: join(base, 'rootfs') },
    hostname: 'pod',
    mounts: [...mounts(base, own, image === undefined), ...more.map(bind)],
    linux: {
      namespaces: [
        ...['mount', 'pid', 'ipc', 'uts'].map((type) => ({ type })),
        ...(own ? [{ type: 'user' }] : []),
      ],
      ...(pod.tunnel === true ? { devices: [tunnel] } : {}),
      ...(own ? { uidMappings: map, gidMappings: map } : {}),
      ...(masked ? { maskedPaths, readonlyPaths } : {}),
      ...podSeccomp(pod.seccomp, pod.capabilities),
    },
  };
}

function bind([source, destination]: readonly [string, string]): object {
  return { destination, type: 'bind', source, options: ['rbind', 'ro'] };
}

function mounts(base: string, own: boolean, ofMachine: boolean): readonly object[] {
  const quiet = ['nosuid', 'noexec', 'nodev'];
  const sys = own
    ? { destination: '/sys', type: 'bind', source: '/sys', options: ['rbind', 'ro', ...quiet] }
    : { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['ro', ...quiet] };
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: quiet },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['newinstance', 'ptmxmode=0666'],
    },
    { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: [...quiet, 'mode=1777'] },
    sys,
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: [...quiet, 'ro'] },
    ...(ofMachine ? machineMounts() : []),
    {
      destination: '/volume',
      type: 'bind',
      source: join(base, 'volume'),
      options: ['rbind', 'rw'],
    },
  ];
}
