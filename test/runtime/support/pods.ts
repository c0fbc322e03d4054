/**
 * The environments that people build in, each with the chain a build takes there (rootless.md A3, C3).
 * In pods only one control group hierarchy is in sight, so crun works there.
 */

import { dockerCapabilities, type Pod } from './pod.ts';

/** One environment and what is expected of it. */
export interface Environment {
  readonly name: string;
  readonly pod: Pod;
  readonly chain: {
    readonly mapping: string;
    readonly storage: string;
    readonly executor: string;
    readonly isolation: string;
  };
  /** What doctor has to say about the strongest way that is closed. */
  readonly advice?: RegExp;
}

/** All environments by their ids. */
export const environments: Readonly<Record<string, Environment>> = {
  P1: {
    name: 'restricted pod on docker or containerd',
    pod: { uid: 1234, seccomp: 'docker', capabilities: [], noNewPrivileges: true, passwd: true },
    chain: { mapping: 'none', storage: 'in-place', executor: 'in-builder', isolation: 'F' },
    advice: /seccompProfile/,
  },
  P2: {
    name: 'the same with escalation allowed',
    pod: { uid: 1234, seccomp: 'docker', capabilities: dockerCapabilities, passwd: true },
    chain: { mapping: 'none', storage: 'in-place', executor: 'in-builder', isolation: 'F' },
    advice: /seccompProfile/,
  },
  P3: {
    name: 'root in a default container of docker or containerd',
    pod: { uid: 0, seccomp: 'docker', capabilities: dockerCapabilities },
    chain: { mapping: 'none', storage: 'copy', executor: 'chroot', isolation: 'D' },
    advice: /seccompProfile/,
  },
  "P4'": {
    name: 'no seccomp, escalation allowed, newuidmap with file capabilities',
    pod: {
      uid: 1234,
      seccomp: 'none',
      capabilities: dockerCapabilities,
      fileCapabilities: true,
      passwd: true,
    },
    chain: { mapping: 'subuid', storage: 'overlay', executor: 'crun', isolation: 'B' },
    advice: /procMount/,
  },
  P4: {
    name: 'the same with setuid newuidmap',
    pod: { uid: 1234, seccomp: 'none', capabilities: dockerCapabilities, passwd: true },
    chain: { mapping: 'single', storage: 'overlay', executor: 'bwrap', isolation: 'C' },
    advice: /setcap cap_setuid/,
  },
  P4b: {
    name: 'no seccomp, no escalation, no capabilities',
    pod: { uid: 1234, seccomp: 'none', capabilities: [], noNewPrivileges: true, passwd: true },
    chain: { mapping: 'single', storage: 'overlay', executor: 'bwrap', isolation: 'C' },
    advice: /allowPrivilegeEscalation/,
  },
  P5c: {
    name: 'hostUsers: false, root, seccomp as podman has it, /proc unmasked',
    pod: {
      uid: 0,
      seccomp: 'podman',
      capabilities: dockerCapabilities,
      procMount: 'unmasked',
      hostUsers: false,
    },
    chain: { mapping: 'root', storage: 'overlay', executor: 'crun', isolation: 'A' },
  },
  P6: {
    name: 'podman or OpenShift with any uid, no escalation, no capabilities',
    pod: { uid: 1000650000, seccomp: 'podman', capabilities: [], noNewPrivileges: true },
    chain: { mapping: 'single', storage: 'overlay', executor: 'bwrap', isolation: 'C' },
    advice: /passwd|allowPrivilegeEscalation/,
  },
  P7a: {
    name: 'OpenShift restricted-v2 of 2022 to 2024',
    pod: { uid: 1000650000, seccomp: 'crio-2022', capabilities: [], noNewPrivileges: true },
    chain: { mapping: 'none', storage: 'copy', executor: 'bwrap', isolation: 'C' },
    advice: /seccompProfile/,
  },
  P7b: {
    name: 'OpenShift restricted-v2 since September 2024',
    pod: { uid: 1000650000, seccomp: 'crio-2024', capabilities: [], noNewPrivileges: true },
    chain: { mapping: 'none', storage: 'in-place', executor: 'in-builder', isolation: 'F' },
    advice: /seccompProfile/,
  },
  P8: {
    name: 'root with SYS_ADMIN in a default container',
    pod: { uid: 0, seccomp: 'docker', capabilities: [...dockerCapabilities, 'CAP_SYS_ADMIN'] },
    chain: { mapping: 'root', storage: 'overlay', executor: 'crun', isolation: 'B' },
  },
};
