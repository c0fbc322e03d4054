/**
 * Runs whole commands of an unprivileged user in turns and says what they cost: wall-clock time, CPU time of all
 * their processes, and the memory of the largest one, as GNU time counts them.
 */

import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { run, type TestUser } from '../test/support/as-user.ts';

/** What a command cost. */
export interface CommandCost {
  /** Seconds. */
  readonly wall: number;
  /** Seconds, user and system. */
  readonly cpu: number;
  /** Resident memory of the largest process at its peak, in megabytes. */
  readonly peak: number;
}

/** One of those that do the same work. */
export interface Contender {
  readonly name: string;
  readonly command: readonly string[];
  /** Makes room for the next run; not measured. */
  readonly reset?: readonly string[];
}

/** A command line as the root of a user namespace with a full range of ids, as the agent runs. */
export function inNamespace(...command: readonly string[]): readonly string[] {
  return ['unshare', '--user', '--map-root-user', '--map-auto', '--mount', '--', ...command];
}

/** Runs a command that has to succeed. */
export async function succeed(
  command: readonly string[],
  user: TestUser,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const [file = '', ...args] = command;
  const { code, stdout, stderr } = await run(file, args, { user, cwd: '/', env });
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${stderr}`);
  return stderr || stdout;
}

/** Runs the contenders in turns and returns the median cost of each; one that fails is left out, with a word. */
export async function race(
  contenders: readonly Contender[],
  runs: number,
  user: TestUser,
  env: Readonly<Record<string, string>> = {},
): Promise<ReadonlyMap<string, CommandCost>> {
  const costs = new Map<string, CommandCost[]>(contenders.map(({ name }) => [name, []]));
  for (let i = 0; i < runs; i += 1)
    for (const { name, command, reset } of contenders) {
      const cost = await costOf(command, user, env).catch((error: Error) => error);
      if (reset !== undefined) await succeed(reset, user, env);
      if (!(cost instanceof Error)) costs.get(name)?.push(cost);
      else console.log(`${name} is not compared: ${cost.message.slice(0, 300)}`);
    }
  const done = [...costs].filter(([, each]) => each.length > 0);
  return new Map(done.map(([name, each]) => [name, medianCost(each)]));
}

async function costOf(
  command: readonly string[],
  user: TestUser,
  env: Readonly<Record<string, string>>,
): Promise<CommandCost> {
  const said = await succeed(['/usr/bin/time', '-f', '%e %U %S %M', ...command], user, env);
  const [wall = 0, inUser = 0, inSystem = 0, kilobytes = 0] = (said.trim().split('\n').at(-1) ?? '')
    .split(' ')
    .map(Number);
  return { wall, cpu: inUser + inSystem, peak: Math.round(kilobytes / 1000) };
}

function medianCost(costs: readonly CommandCost[]): CommandCost {
  const middle = (key: keyof CommandCost) =>
    costs.map((cost) => cost[key]).sort((a, b) => a - b)[costs.length >> 1] ?? 0;
  return { wall: middle('wall'), cpu: middle('cpu'), peak: middle('peak') };
}

/** Prints the costs of one race with what the first contender takes of each. */
export function printCosts(title: string, costs: ReadonlyMap<string, CommandCost>): void {
  const [ours] = costs.values();
  console.log(`\n${title}`);
  for (const [name, { wall, cpu, peak }] of costs)
    console.log(
      `  ${name.padEnd(28)} ${wall.toFixed(2).padStart(6)} s  cpu ${cpu.toFixed(2).padStart(6)} s  ${String(peak).padStart(4)} MB` +
        `  ratios ${((ours?.wall ?? 0) / wall).toFixed(2)} ${((ours?.cpu ?? 0) / cpu).toFixed(2)}`,
    );
}

/** Writes all races to a file. */
export async function writeCosts(
  file: string,
  races: Readonly<Record<string, ReadonlyMap<string, CommandCost>>>,
): Promise<void> {
  const rows = Object.entries(races).map(([title, costs]) => [title, Object.fromEntries(costs)]);
  const machine = { node: process.version, cores: cpus().length };
  const result = {
    date: new Date().toISOString().slice(0, 10),
    machine,
    ...Object.fromEntries(rows),
  };
  await writeFile(file, `${JSON.stringify(result, undefined, 2)}\n`);
}

/** Prints the seconds of scenarios beside those of buildah, and writes them to a file, if one is named, with other facts of the run. */
export async function reportBesideBuildah<Scenario extends string>(
  ours: Readonly<Record<Scenario, number>>,
  peer: Readonly<Record<Scenario, number>>,
  file: string | undefined,
  facts: Readonly<Record<string, number>> = {},
): Promise<void> {
  const rows = (Object.keys(ours) as Scenario[]).map((scenario) => ({
    scenario,
    s2oci: Number(ours[scenario].toFixed(2)),
    buildah: Number(peer[scenario].toFixed(2)),
    ratio: Number((ours[scenario] / peer[scenario]).toFixed(2)),
  }));
  for (const { scenario, s2oci, buildah, ratio } of rows)
    console.log(`${scenario.padEnd(7)} s2oci ${s2oci} s  buildah ${buildah} s  ratio ${ratio}`);
  const date = new Date().toISOString().slice(0, 10);
  const result = { date, node: process.version, cpus: cpus().length, ...facts, rows };
  if (file !== undefined) await writeFile(file, `${JSON.stringify(result, undefined, 2)}\n`);
}
