/**
 * The seccomp filter of every build step.
 *
 * Allowed is every system call known here that has no entry in `denied`; unknown and future ones answer
 * ENOSYS, so that programs take their fallbacks. What is left out reaches the kernel at large: mounts and
 * namespaces, modules, tracing and bpf, keyrings (not namespaced), io_uring, clocks, and sockets of
 * families no build needs.
 */

import type { RunSpec } from '../ports.ts';
import { fakeRootRules } from './fake-root.ts';
import type { FilterRule, SeccompFilter } from './filter.ts';
import { type SyscallTable, syscallTable } from './syscalls.ts';

const enosys = 38;

const denied = new Set(
  `
  mount umount umount2 pivot_root open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick
  mount_setattr statmount listmount unshare setns
  init_module finit_module delete_module create_module query_module get_kernel_syms
  kexec_load kexec_file_load reboot swapon swapoff acct quotactl quotactl_fd nfsservctl uselib
  bpf perf_event_open userfaultfd lookup_dcookie kcmp fanotify_init open_by_handle_at
  add_key request_key keyctl
  io_uring_setup io_uring_enter io_uring_register
  settimeofday clock_settime stime iopl ioperm vhangup sysfs _sysctl ustat
  sethostname setdomainname syslog afs_syscall getpmsg putpmsg security tuxcall vserver
  lsm_set_self_attr move_pages migrate_pages uretprobe
  `
    .trim()
    .split(/\s+/),
);

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const namespaceFlags = 0x7e020000;

/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET. */
const socketFamilies = [1, 2, 10, 16, 17];

/** Personalities that only change what uname says or how addresses are laid out, and the query. */
const personalities = [0x0, 0x8, 0x20000, 0x20008, 0x40000, 0xffffffff];

const conditional: readonly FilterRule[] = [
  { names: ['clone'], tests: [{ index: 0, mask: namespaceFlags, value: 0 }], answer: 'allow' },
  // its flags lie in memory, where a filter cannot see them
  { names: ['clone3'], answer: { errno: enosys } },
  ...socketFamilies.map((family) => allowWhen('socket', family)),
  ...personalities.map((persona) => allowWhen('personality', persona)),
];

/** Returns the filter of a build step, with root emulation in front when that is asked for. */
export function buildStepFilter(
  fakeRoot: boolean,
  table: SyscallTable | undefined = syscallTable(),
): SeccompFilter | undefined {
  if (table === undefined) return undefined;
  const special = [...(fakeRoot ? fakeRootRules : []), ...conditional];
  const decided = new Set(special.flatMap((rule) => rule.names));
  const names = [...table.numbers.keys()].filter((name) => !denied.has(name) && !decided.has(name));
  return {
    fallback: { errno: enosys },
    rules: [...special, { names, answer: 'allow' }],
  };
}

/** Returns the filter of a run; undefined where it has none. Root is emulated also where nothing is denied. */
export function filterOfRun(
  { fakeRoot, seccomp }: Pick<RunSpec, 'fakeRoot' | 'seccomp'>,
  ownsOneId: boolean,
): SeccompFilter | undefined {
  const emulate = fakeRoot && ownsOneId;
  const emulation = emulate ? fakeRootRules : [];
  if (seccomp === undefined) return buildStepFilter(emulate);
  if (seccomp !== 'unconfined') return { ...seccomp, rules: [...emulation, ...seccomp.rules] };
  return emulate ? { fallback: 'allow', rules: emulation } : undefined;
}

function allowWhen(name: string, value: number): FilterRule {
  return { names: [name], tests: [{ index: 0, value }], answer: 'allow' };
}
