/**
 * Runs processes through executors as an unprivileged user: a driver process of that user makes the
 * namespaces, an agent inside them has a busybox root filesystem and the real executors.
 */

import { chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type {
  Capability,
  ExecutorName,
  ExitStatus,
  Identity,
  Mapping,
  NetworkMode,
  ProcessLimits,
  ProcessUser,
  RunMount,
  RunSpec,
} from '../../../src/runtime/index.ts';
import { findTestUser, run, type TestUser, type TestUserKind } from '../../support/as-user.ts';

/** One process to run; what is left out has a plain default. */
export interface ScenarioRun {
  readonly args: readonly string[];
  readonly user?: ProcessUser;
  readonly env?: readonly string[];
  readonly cwd?: string;
  /** `source` is relative to the scenario's scratch directory. */
  readonly mounts?: readonly RunMount[];
  readonly network?: NetworkMode;
  readonly readOnlyRootfs?: boolean;
  readonly capabilities?: readonly string[];
  readonly fakeRoot?: boolean;
  readonly limits?: ProcessLimits;
  readonly seccomp?: RunSpec['seccomp'];
  /** Aborts the run after this many milliseconds. */
  readonly abortAfter?: number;
}

/** What to run where. */
export interface Scenario {
  readonly mapping?: Mapping | 'auto';
  readonly executors: readonly ExecutorName[];
  readonly runs: readonly ScenarioRun[];
  /** Shell text run in the root filesystem's directory before the first run. */
  readonly prepare?: string;
}

/** How one process ended. */
export interface ScenarioOutcome {
  readonly status?: ExitStatus;
  /** Why the executor would not even try. */
  readonly refusal?: string;
  /** Code and message of an error that was thrown. */
  readonly error?: { readonly code: string; readonly message: string };
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
  /** Files and directories of the root filesystem that were not there before. */
  readonly added: readonly string[];
}

/** What happened, by executor. */
export interface ScenarioResult {
  readonly mapping: Mapping;
  readonly reasons: readonly string[];
  readonly identity: Identity;
  /** Entries left in the executors' state directory. */
  readonly leftState: readonly string[];
  readonly executors: Readonly<
    Record<string, { readonly capability: Capability; readonly runs: readonly ScenarioOutcome[] }>
  >;
}

/** A shell that hands descriptors on to everything it starts, as CVE-2024-21626 needs: those above 15. */
const leak = 'exec 20</ 100</etc; exec "$@"';

const driver = fileURLToPath(new URL('./driver.ts', import.meta.url));

/** The unprivileged user of a kind; fails the test where there is none. */
export async function testUser(kind: TestUserKind): Promise<TestUser> {
  const user = await findTestUser(kind);
  if (typeof user === 'string') throw new Error(user);
  return user;
}

/** Runs a scenario as a user and returns everything that happened. */
export async function runScenario(user: TestUser, scenario: Scenario): Promise<ScenarioResult> {
  const scratch = await mkdtemp(join(tmpdir(), 's2oci-runtime-'));
  try {
    await chown(scratch, user.uid, user.gid);
    await chmod(scratch, 0o700);
    const command = ['-c', leak, 'bash', process.execPath, driver, scratch];
    const result = await run('bash', command, {
      user,
      input: JSON.stringify(scenario),
    });
    if (result.code !== 0) throw new Error(`the driver failed: ${result.stderr}`);
    return JSON.parse(result.stdout) as ScenarioResult;
  } finally {
    await mkdir(scratch, { recursive: true });
    await rm(scratch, { recursive: true, force: true });
  }
}
