/**
 * One suite for all executors: behaviours are collected first and then run together, because making
 * namespaces and probing takes longer than the runs.
 */

import t, { type Test } from 'tap';
import type { TestUserKind } from '../../support/as-user.ts';
import { runScenario, type ScenarioOutcome, type ScenarioRun, testUser } from './scenario.ts';

/**
 * The executors that have to work for each kind of user. crun is not among them: released versions refuse
 * machines that mount both control group hierarchies, and its probe has to say so.
 */
export const executorsOf = {
  'with-subuids': ['runc', 'bwrap', 'unshare', 'podman'],
  'without-subuids': ['runc', 'bwrap', 'unshare'],
} as const;

/** Looks at how one run ended in one executor. */
export type Check = (t: Test, outcome: ScenarioOutcome, at: Position) => void;

/** Which run a check looks at. */
export interface Position {
  /** Index of the run within its behaviour. */
  readonly index: number;
  readonly executor: string;
  readonly kind: TestUserKind;
}

interface Behaviour {
  readonly name: string;
  readonly runs: readonly ScenarioRun[];
  readonly check: Check;
  readonly kinds: readonly TestUserKind[];
  readonly prepare?: string;
}

const allKinds = ['with-subuids', 'without-subuids'] as const;
const behaviours: Behaviour[] = [];

/** Declares a behaviour that every executor shows; `prepare` is shell text that changes the root filesystem. */
export function everywhere(
  name: string,
  runs: readonly ScenarioRun[],
  check: Check,
  options: { readonly kinds?: readonly TestUserKind[]; readonly prepare?: string } = {},
): void {
  behaviours.push({ name, runs, check, kinds: allKinds, ...options });
}

/** A run of a shell text. */
export function sh(script: string, more: Partial<ScenarioRun> = {}): ScenarioRun {
  return { args: ['sh', '-c', script], ...more };
}

/** Runs and checks everything that was declared. */
export async function checkEverywhere(): Promise<void> {
  t.setTimeout(600_000);
  for (const kind of allKinds) {
    for (const prepare of new Set(behaviours.map((behaviour) => behaviour.prepare))) {
      const title = prepare === undefined ? kind : `${kind}, after ${prepare}`;
      await t.test(title, (t) => checkScenario(t, kind, prepare));
    }
  }
}

async function checkScenario(
  t: Test,
  kind: TestUserKind,
  prepare: string | undefined,
): Promise<void> {
  const wanted = behaviours.filter(
    (behaviour) => behaviour.prepare === prepare && behaviour.kinds.includes(kind),
  );
  const result = await runScenario(await testUser(kind), {
    executors: executorsOf[kind],
    runs: wanted.flatMap(({ runs }) => runs),
    ...(prepare === undefined ? {} : { prepare }),
  });
  t.same(result.leftState, [], 'nothing is left in the state directory');
  for (const executor of executorsOf[kind]) {
    let next = 0;
    for (const behaviour of wanted) {
      const end = next + behaviour.runs.length;
      const outcomes = result.executors[executor]?.runs.slice(next, end) ?? [];
      next = end;
      await t.test(`${executor}: ${behaviour.name}`, async (t) => {
        t.equal(outcomes.length, behaviour.runs.length);
        for (const [index, outcome] of outcomes.entries()) {
          checkOne(t, behaviour.check, outcome, { index, executor, kind });
        }
      });
    }
  }
}

function checkOne(t: Test, check: Check, outcome: ScenarioOutcome, at: Position): void {
  if (outcome.refusal === undefined) {
    check(t, outcome, at);
    return;
  }
  const single = at.kind === 'without-subuids' && at.executor === 'runc';
  t.ok(single, `${at.executor} refuses what only runc under a single id may: ${outcome.refusal}`);
}
