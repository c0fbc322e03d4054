/**
 * Seccomp profiles as container engines have them, by what matters here: which of the calls that make
 * sandboxes are denied, and with which errno. `podman` is the real profile of this machine's podman;
 * the others are made of what the engines document (rootless.md A2).
 */

import { readFileSync } from 'node:fs';

/** The engines whose defaults a pod can have. */
export type SeccompKind = 'none' | 'docker' | 'podman' | 'crio-2022' | 'crio-2024';

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly object[];
}

interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly syscalls: readonly Rule[];
}

const namespaceFlags = 0x7e020000;
const enosys = 38;

/** Calls that need CAP_SYS_ADMIN in docker's default. */
const administration = [
  'mount',
  'umount',
  'umount2',
  'unshare',
  'setns',
  'fsopen',
  'fsconfig',
  'fsmount',
  'fspick',
  'move_mount',
  'open_tree',
  'mount_setattr',
  'bpf',
  'perf_event_open',
  'sethostname',
  'setdomainname',
  'quotactl',
  'syslog',
];

/** Calls that docker's default denies whatever the capabilities. */
const always = [
  'pivot_root',
  'keyctl',
  'add_key',
  'request_key',
  'userfaultfd',
  'kexec_load',
  'init_module',
  'io_uring_setup',
];

/** Returns the `seccomp` part of a bundle config, or nothing. */
export function podSeccomp(
  kind: SeccompKind,
  capabilities: readonly string[],
): { readonly seccomp?: object } {
  const profile = profileOf(kind, capabilities);
  if (profile === undefined) return {};
  return { seccomp: { architectures: ['SCMP_ARCH_X86_64'], ...profile } };
}

function profileOf(kind: SeccompKind, capabilities: readonly string[]): Profile | undefined {
  if (kind === 'none') return undefined;
  if (kind === 'docker') return docker(capabilities);
  const podman = resolved(capabilities);
  if (kind === 'podman') return podman;
  const without = { ...podman, syscalls: podman.syscalls.map((rule) => drop(rule, ['unshare'])) };
  if (kind === 'crio-2022') return without;
  return {
    ...without,
    syscalls: [
      ...without.syscalls.map((rule) => drop(rule, ['clone', 'clone3'])),
      {
        names: ['clone'],
        action: 'SCMP_ACT_ALLOW',
        args: [{ index: 0, value: namespaceFlags, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
      },
    ],
  };
}

function docker(capabilities: readonly string[]): Profile {
  const administrator = capabilities.includes('CAP_SYS_ADMIN');
  const deny = [
    ...always,
    ...(administrator ? [] : administration),
    ...(capabilities.includes('CAP_SYS_CHROOT') ? [] : ['chroot']),
  ];
  const bits = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000];
  return {
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [
      { names: deny, action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
      ...(administrator ? [] : [{ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: enosys }]),
      ...(administrator ? [] : bits).map((bit) => ({
        names: ['clone'],
        action: 'SCMP_ACT_ERRNO',
        errnoRet: 1,
        args: [{ index: 0, value: bit, valueTwo: bit, op: 'SCMP_CMP_MASKED_EQ' }],
      })),
    ],
  };
}

interface SourceRule extends Rule {
  readonly includes?: { readonly caps?: readonly string[]; readonly arches?: readonly string[] };
  readonly excludes?: { readonly caps?: readonly string[]; readonly arches?: readonly string[] };
}

/** The profile of this machine's podman, resolved for a set of capabilities. */
function resolved(capabilities: readonly string[]): Profile {
  const source = JSON.parse(readFileSync('/usr/share/containers/seccomp.json', 'utf8'));
  const fits = ({ includes = {}, excludes = {} }: SourceRule) =>
    (includes.caps ?? []).every((name) => capabilities.includes(name)) &&
    !(excludes.caps ?? []).some((name) => capabilities.includes(name)) &&
    (includes.arches === undefined || includes.arches.includes('amd64')) &&
    !(excludes.arches ?? []).includes('amd64');
  const rules = (source.syscalls as readonly SourceRule[]).filter(fits);
  return {
    defaultAction: source.defaultAction,
    defaultErrnoRet: source.defaultErrnoRet,
    syscalls: rules.map(({ names, action, errnoRet, args }) => ({
      names,
      action,
      ...(errnoRet === undefined ? {} : { errnoRet }),
      ...(args === undefined || args === null ? {} : { args }),
    })),
  };
}

function drop(rule: Rule, names: readonly string[]): Rule {
  return { ...rule, names: rule.names.filter((name) => !names.includes(name)) };
}
