/** Runs checks over a project and writes one line for each, with what it found below. */

import type { Check, CheckResult } from './check.ts';
import type { Project } from './project.ts';

/** How many checks passed and failed. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

const maxShown = 40;

/** Runs all checks at once; a check that throws has failed. */
export async function runChecks(
  project: Project,
  checks: readonly Check[],
  write: (line: string) => void,
): Promise<Tally> {
  const results = await Promise.all(checks.map((check) => runCheck(check, project)));
  for (const { name, result } of results) report(name, result, write);
  const failed = results.filter(({ result }) => result.problems.length > 0).length;
  return { passed: results.length - failed, failed };
}

async function runCheck(
  check: Check,
  project: Project,
): Promise<{ name: string; result: CheckResult }> {
  try {
    return { name: check.name, result: await check.run(project) };
  } catch (error) {
    return { name: check.name, result: { summary: '', problems: [String(error)] } };
  }
}

function report(
  name: string,
  { summary, problems }: CheckResult,
  write: (line: string) => void,
): void {
  if (problems.length === 0) {
    write(`ok   ${name.padEnd(14)} ${summary}`);
    return;
  }
  write(
    `FAIL ${name.padEnd(14)} ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`,
  );
  for (const problem of problems.slice(0, maxShown)) write(`     ${problem}`);
  if (problems.length > maxShown) write(`     and ${problems.length - maxShown} more`);
}
