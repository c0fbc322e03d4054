/**
 * The port behind which container runtimes stand (runc, crun, bubblewrap, util-linux, podman, chroot, in
 * place). A runtime is always driven from inside the agent's namespaces and never sees a registry,
 * a credential or the host's environment.
 */

import type { SeccompFilter } from './seccomp/filter.ts';

/** Who the process is inside the container, already looked up in the image's passwd and group files. */
export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
}

/** Something mounted for the run only. `target` is an absolute path inside the container. */
export type RunMount =
  | {
      readonly kind: 'bind';
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      /** Lies in memory, and must not be copied to a disk in place of being mounted. */
      readonly confidential?: boolean;
    }
  | {
      readonly kind: 'tmpfs';
      readonly target: string;
      readonly sizeBytes?: number;
      readonly mode?: number;
    };

/**
 * Networks as users pick them with `--network`: all that this machine reaches, its own loopback included;
 * nothing; or the outside only, by way of a program in user space.
 */
export const networkModes = ['host', 'none', 'slirp4netns', 'pasta'] as const;

/** What a run can reach. */
export type NetworkMode = (typeof networkModes)[number];

/** One process to run in a root filesystem. */
export interface RunSpec {
  /** Unique on this machine; `[A-Za-z0-9]+`, at most 64 characters. */
  readonly id: string;
  /** Absolute path of the root filesystem as the agent sees it. */
  readonly rootfs: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: ProcessUser;
  readonly mounts: readonly RunMount[];
  readonly network: NetworkMode;
  readonly hostname: string;
  readonly readOnlyRootfs: boolean;
  /** Capabilities (`CAP_CHOWN`) in the bounding set; granted only where the user is root. */
  readonly capabilities: readonly string[];
  /** Answers chown, set*id and device mknod with success, for builds under a single id that expect root. */
  readonly fakeRoot: boolean;
  readonly limits?: ProcessLimits;
  /** A control group that the process is put into; the limits that it keeps are not among `limits`. */
  readonly group?: RunGroup;
  /** Another filter of system calls than that of every build step; `unconfined` leaves it out. */
  readonly seccomp?: 'unconfined' | SeccompFilter;
}

/**
 * Limits of a run; one above the machine's own is lowered to that (setrlimit(2)). What is said of memory, processes and
 * processors is without a control group, see `keepLimits`.
 */
export interface ProcessLimits {
  /** Memory of all processes together, in bytes; beyond it the run is killed within half a second. */
  readonly memory?: number;
  /** The most processes; a run that has more for two seconds is killed, and cannot have many more until then. */
  readonly processes?: number;
  readonly openFiles?: number;
  /** The largest file, in bytes. */
  readonly fileSize?: number;
  /** Processors; rounded up to whole ones, on which the run is kept. */
  readonly cpus?: number;
  /** More limits of setrlimit(2), by their names without RLIMIT_ in small letters. */
  readonly resources?: readonly {
    readonly name: string;
    readonly soft: number;
    readonly hard: number;
  }[];
}

/**
 * What keeps each limit of a run: the kernel, by a control group; a look from time to time; for processors, that the run
 * is kept on whole ones.
 */
export interface LimitKeepers {
  readonly memory?: 'cgroup' | 'watch';
  readonly processes?: 'cgroup' | 'watch';
  readonly cpus?: 'cgroup' | 'affinity';
}

/** A control group as those see it who put a process into it. */
export interface RunGroup {
  /** Starts a command in the group. */
  readonly prefix: readonly string[];
  /** How often the kernel refused another process; absent when the group does not count processes. */
  readonly refusals?: () => number;
  /** Kills everything in the group. */
  kill(): void;
}

/** File descriptors that become 0, 1 and 2 of the process; the runtime never closes them. */
export interface RunStdio {
  readonly stdin: number | 'ignore';
  readonly stdout: number;
  readonly stderr: number;
}

/** How a process ended: an exit code, or 128 + signal number as shells count it. */
export interface ExitStatus {
  readonly code: number;
  /** The runtime itself failed before the process started; `detail` has its message. */
  readonly runtimeFailure?: string;
  /** A limit of the run was reached, and the run killed for it. */
  readonly limit?: 'memory' | 'processes';
}

/** Names of the executors as users pick them with `--executor`. */
export const executorNames = [
  'crun',
  'runc',
  'bwrap',
  'unshare',
  'podman',
  'chroot',
  'in-builder',
] as const;

/** The name of an executor. */
export type ExecutorName = (typeof executorNames)[number];

/**
 * What stands between a build step and the machine, strongest first.
 *
 * A = private mount, pid and ipc namespaces, ids of a user namespace with a full map, a fresh /proc and
 * a seccomp filter; B = A but one of: the outer /proc bound, no seccomp filter, root without a user
 * namespace; C = A or B under a single id, or two of these missing; D = chroot only; F = in place.
 */
export type IsolationLevel = 'A' | 'B' | 'C' | 'D' | 'F';

/** What a probe found out about an executor by running it. */
export type Capability =
  | {
      readonly usable: true;
      readonly isolation: IsolationLevel;
      /** What is less than it could be, in words; empty at level A. */
      readonly limitations: readonly string[];
      /** No executor can isolate better under the id map of this process. */
      readonly best: boolean;
      /** Whether `fakeRoot` of a {@link RunSpec} has an effect. */
      readonly fakeRoot: boolean;
      readonly version?: string;
    }
  | { readonly usable: false; readonly reason: string; readonly errno?: string };

/** The parts of a {@link RunSpec} that decide whether a runtime can run it at all. */
export type RunNeeds = Pick<RunSpec, 'user' | 'network' | 'seccomp'>;

/** Runs processes in root filesystems. */
export interface Runtime {
  readonly name: ExecutorName;
  /** Processes stay in the control group that they are started in; where not, a group of ours is no use. */
  readonly staysInGroup: boolean;
  /** Runs a program for real in a throw-away root filesystem, once; later calls repeat the answer. Never throws. */
  probe(signal?: AbortSignal): Promise<Capability>;
  /** Says why something like this cannot be run here; undefined when it can. */
  refusal(needs: RunNeeds): string | undefined;
  /**
   * Runs to the end. When `signal` aborts, the whole process tree is killed before the promise settles.
   * Processes that outlive the main one are killed too.
   *
   * @throws BuildError `RUNTIME_FAILED`, `PATH_UNSAFE` for a spec that no runtime should run
   */
  run(spec: RunSpec, stdio: RunStdio, signal?: AbortSignal): Promise<ExitStatus>;
}
