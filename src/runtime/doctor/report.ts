/** What `doctor` finds out: plain data, for people by `renderDoctor` and for programs as JSON. */

import type { Considered } from '../choose.ts';
import type { Mapping } from '../namespace/methods.ts';
import type { ExecutorName, IsolationLevel } from '../ports.ts';

/** `fail` rules a stronger way out, `warn` weakens it or may, `pass` is as it should be. */
export type FindingStatus = 'pass' | 'warn' | 'fail';

/** One thing that was looked at or tried. */
export interface Finding {
  /** Stable name, such as `userns.max` (looked at) or `probe.newuidmap` (tried). */
  readonly id: string;
  readonly status: FindingStatus;
  /** What is so, in words. */
  readonly detail: string;
  readonly errno?: string;
  /** The exact change that would help. */
  readonly fix?: string;
}

/** What a build would do here. */
export interface Chain {
  readonly mapping: Mapping;
  /** How the namespace is made, such as `newuidmap`. */
  readonly method: string;
  readonly idRange: string;
  readonly storage: 'overlay' | 'copy' | 'in-place';
  /** Absent when nothing can run. */
  readonly executor?: ExecutorName;
  readonly isolation?: IsolationLevel;
  /** What keeps the isolation from being better. */
  readonly limitations: readonly string[];
  /** What builds as root get, where that differs from those as the image's own user. */
  readonly executorAsRoot?: ExecutorName;
  /** Every executor that was tried, in order. */
  readonly considered: readonly Considered[];
}

/** The whole report. */
export interface DoctorReport {
  /** Where this is, such as `kubernetes pod, uid 1000:0, no_new_privs`. */
  readonly environment: string;
  readonly findings: readonly Finding[];
  readonly chain: Chain;
  /** The changes that would help, without repetitions, most important first. */
  readonly improvements: readonly string[];
  readonly milliseconds: number;
}
