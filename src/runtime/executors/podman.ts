/**
 * podman as an executor, `podman run --rootfs`: for machines where only podman knows a runtime that
 * works. It brings its own storage, which lives and dies with the run, and makes files in the root
 * filesystem, which are taken away again.
 */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeDeps } from '../deps.ts';
import { grantable } from '../machine/capabilities.ts';
import { helperEnvironment, runHelper } from '../machine/helper.ts';
import { ownsOneId } from '../machine/identity.ts';
import { namedLimits } from '../machine/limits.ts';
import type { ExitStatus, RunMount, RunSpec, RunStdio, Runtime } from '../ports.ts';
import { cgroupPath, kindOf } from '../sandbox/paths.ts';
import { recordStubs } from '../sandbox/stubs.ts';
import { prepareTmpfs } from '../sandbox/tmpfs.ts';
import { ociSeccomp } from '../seccomp/oci.ts';
import { buildStepFilter, filterOfRun } from '../seccomp/profile.ts';
import { demandsOf } from '../supervise/command.ts';
import { statusOf, supervise } from '../supervise/supervise.ts';
import { isolationOf } from './isolation.ts';
import { probed } from './probed.ts';
import { missingForNamespaces, refuseUnmapped } from './refusals.ts';

/** The runtime that podman is told to use. */
type InnerRuntime = 'crun' | 'runc';

/** What podman leaves in a root filesystem. */
const stubs = [
  '/etc/hosts',
  '/etc/hostname',
  '/etc/mtab',
  '/etc/resolv.conf',
  '/run/.containerenv',
  '/run/secrets',
  '/run',
];

/** Directories that every machine has and that are seldom used. */
const places = ['/mnt', '/media', '/srv', '/opt'];

/** podman's own failures, see podman-run(1), "Exit Status". */
const ownFailure = 125;

/** Returns the podman executor. */
export function podman(deps: RuntimeDeps): Runtime {
  const seccomp = buildStepFilter(false) !== undefined;
  return probed<InnerRuntime>(deps, {
    name: 'podman',
    // real root may make control groups everywhere, and podman does
    staysInGroup: !deps.identity.initialUserNamespace,
    forms: ['runc', 'crun'],
    missing: () => missingForNamespaces(deps, ['podman']),
    refusal: (needs) => refuseUnmapped(deps, needs),
    describe: async () => ({
      ...isolationOf(deps.identity, { freshProc: true, seccomp }),
      fakeRoot: seccomp,
      version: await versionOf(deps.tools.find('podman') ?? 'podman'),
    }),
    run: (inner, spec, stdio, signal) => run(deps, inner, spec, stdio, signal),
  });
}

async function run(
  deps: RuntimeDeps,
  inner: InnerRuntime,
  spec: RunSpec,
  stdio: RunStdio,
  signal: AbortSignal | undefined,
): Promise<ExitStatus> {
  const multiline = spec.env.find((variable) => variable.includes('\n'));
  if (multiline !== undefined) {
    const name = multiline.slice(0, multiline.indexOf('='));
    return {
      code: 125,
      runtimeFailure: `podman cannot pass ${name}, whose value has several lines`,
    };
  }
  const place = shortPlace(spec);
  if (place === undefined) return { code: 125, runtimeFailure: 'podman needs a short path' };
  const directory = join(deps.stateDirectory, `podman-${spec.id}`);
  mkdirSync(directory, { mode: 0o700 });
  using _stubs = recordStubs(spec.rootfs, stubs);
  try {
    await using prepared = await prepareTmpfs(deps, spec.mounts, directory);
    const pinned = { ...spec, mounts: prepared.mounts };
    const exit = await supervise(
      deps,
      {
        argv: [...globalPart(deps, place, inner), ...runPart(deps, directory, pinned)],
        namespaces: ['--mount'],
        mountProc: true,
        ...demandsOf(spec),
        bind: { source: directory, target: place },
        environment: { ...helperEnvironment, ...podmanEnvironment(deps, place) },
      },
      stdio,
      signal,
    );
    const failure = exit.code === ownFailure ? 'podman could not start the process' : undefined;
    return statusOf(exit, failure);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A directory that podman's storage can be shown at: podman refuses paths longer than 50 characters. */
function shortPlace({ rootfs, mounts }: RunSpec): string | undefined {
  const sources = mounts.flatMap((mount) => (mount.kind === 'bind' ? [mount.source] : []));
  return places
    .filter((place) => kindOf(place) === 'directory')
    .find((place) => [rootfs, ...sources].every((path) => !`${path}/`.startsWith(`${place}/`)));
}

/** podman must take the namespace it is in for its own instead of making another. */
function podmanEnvironment(
  { identity }: RuntimeDeps,
  directory: string,
): Readonly<Record<string, string>> {
  return {
    HOME: directory,
    XDG_RUNTIME_DIR: directory,
    ...(identity.initialUserNamespace
      ? {}
      : {
          _CONTAINERS_USERNS_CONFIGURED: 'done',
          _CONTAINERS_ROOTLESS_UID: String(identity.uidMap[0]?.outside ?? 0),
        }),
  };
}

function globalPart(
  { tools }: RuntimeDeps,
  directory: string,
  inner: InnerRuntime,
): readonly string[] {
  return [
    tools.find('podman') ?? 'podman',
    ...['--root', join(directory, 'storage'), '--runroot', join(directory, 'run')],
    ...['--tmpdir', join(directory, 'tmp'), '--storage-driver', 'vfs'],
    ...['--cgroup-manager', 'cgroupfs', '--events-backend', 'none'],
    ...['--runtime', tools.find(inner) ?? inner],
  ];
}

function runPart(deps: RuntimeDeps, directory: string, spec: RunSpec): readonly string[] {
  const variables = join(directory, 'variables');
  writeFileSync(variables, spec.env.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  const { uid, gid, additionalGids } = spec.user;
  const groups = ownsOneId(deps.identity) ? [] : additionalGids;
  return [
    ...['run', '--rm', '--name', spec.id, '--pull', 'never', '--log-driver', 'none'],
    ...[
      '--cgroups',
      'no-conmon',
      '--network',
      spec.network === 'none' ? 'none' : 'host',
      '--hostname',
      spec.hostname,
    ],
    // what the agent mounts is enough: podman writes no file of its own
    ...(spec.network === 'none' ? [] : ['--dns', 'none']),
    ...['--no-hosts', '--passwd=false', '--http-proxy=false', '--systemd=false'],
    ...['--umask', '0022', '--entrypoint', '', '--unsetenv-all', '--env-file', variables],
    ...['--user', `${uid}:${gid}`, ...groups.flatMap((id) => ['--group-add', String(id)])],
    ...['--workdir', spec.cwd, ...securityOptions(deps, directory, spec)],
    ...namedLimits(spec.limits).map(
      ({ name, soft, hard }) => `--ulimit=${name.toLowerCase()}=${soft}:${hard}`,
    ),
    ...(spec.readOnlyRootfs ? ['--read-only', '--read-only-tmpfs=false'] : []),
    ...spec.mounts.flatMap(renderMount),
    ...['--rootfs', spec.rootfs, ...spec.args],
  ];
}

function securityOptions(deps: RuntimeDeps, directory: string, spec: RunSpec): readonly string[] {
  const filter = filterOfRun(spec, ownsOneId(deps.identity));
  const profile = filter === undefined ? undefined : ociSeccomp(filter);
  const path = join(directory, 'seccomp.json');
  if (profile !== undefined) writeFileSync(path, JSON.stringify(profile));
  return [
    ...(profile === undefined ? ['--security-opt', 'seccomp=unconfined'] : []),
    ...['--security-opt', 'no-new-privileges', '--cap-drop', 'all'],
    // its files would belong to root of the build, and with them the limits of the run
    ...['--security-opt', `mask=${cgroupPath}`],
    // podman would make capabilities of another user than root ambient
    ...(spec.user.uid === 0 ? grantable(spec.capabilities) : []).flatMap((name) => [
      '--cap-add',
      name,
    ]),
    ...(profile === undefined ? [] : ['--security-opt', `seccomp=${path}`]),
  ];
}

/** podman reads mount options as comma-separated values; a quoted field may hold commas. */
function renderMount(mount: RunMount): readonly string[] {
  if (mount.kind === 'tmpfs') return [];
  const { source, target, readOnly } = mount;
  const fields = ['type=bind', `source=${source}`, `target=${target}`, `ro=${readOnly}`];
  const quoted = fields.map((field) =>
    /[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field,
  );
  return [`--mount=${[...quoted, 'nosuid', 'nodev'].join()}`];
}

async function versionOf(program: string): Promise<string> {
  const { stdout } = await runHelper(program, ['--version']);
  return /[\d.]+/.exec(stdout)?.[0] ?? 'unknown';
}
