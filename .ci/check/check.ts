/** What a check is: a function from a project to findings. */

import type { Project } from './project.ts';

/** What a check found. */
export interface CheckResult {
  /** A few words or numbers for the line of the check, such as `92 files, 0 cycles`. */
  readonly summary: string;
  /** One line each, beginning with the place; none when the check passes. */
  readonly problems: readonly string[];
}

/** One check of the project. */
export interface Check {
  readonly name: string;
  run(project: Project): CheckResult | Promise<CheckResult>;
}
