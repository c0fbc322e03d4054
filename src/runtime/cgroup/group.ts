/**
 * Control groups for runs, made where a group is delegated to us: found by doing, from our own group upwards.
 *
 * A group must have no processes of its own when it gives controllers to the groups in it, so the usual place is
 * beside our own group: in the slice of a session, which is the user's. Only the command of a run is ever moved.
 *
 * Limits stand on the outer of two groups and processes are in the inner one, the only one that may be there: runc
 * makes a group beside that of its own process, which is then still within the limits, or refused.
 */

import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runHelper } from '../machine/helper.ts';
import type { Tools } from '../machine/tools.ts';
import { type Controller, controllers } from './settings.ts';

/** A group that was made, with no limit yet. */
export interface MadeGroup {
  readonly directory: string;
  readonly controllers: readonly Controller[];
}

/** What came of looking for a place for a group. */
export interface GroupSearch {
  /** Absent when there is no place. */
  readonly made?: MadeGroup;
  /** Why the group lacks controllers; without one, why each place was no good. */
  readonly reasons: readonly string[];
}

/** Where groups are recorded while they are there, so that whoever finds the records abandoned can remove them. */
export interface GroupRecords {
  add(directory: string): void;
  remove(directory: string): void;
}

const namePattern = /^s2oci-[0-9a-f]{16}$/;
const timeLimit = 2000;
const pause = 5;

// $1 = cgroup.procs of the group; the rest is the command. 0 is whoever writes.
const joinScript = 'printf 0 >"$1" || exit 125; shift; exec "$@"';

/** The command that puts itself into a group and becomes what follows it. */
export function joinCommand(tools: Tools, directory: string): readonly string[] {
  const procs = join(innerOf(directory), 'cgroup.procs');
  return [tools.find('sh') ?? '/bin/sh', '-c', joinScript, 'sh', procs];
}

/** Makes a group with as many of the wanted controllers as there are, below the first of some groups that allows it. */
export async function makeGroup(
  tools: Tools,
  parents: readonly string[],
  wanted: readonly Controller[],
  records: GroupRecords,
): Promise<GroupSearch> {
  let best: GroupSearch = { reasons: [] };
  for (const parent of parents) {
    const found = await tryParent(tools, parent, wanted, records);
    const isBetter = countOf(found) > countOf(best);
    const other = isBetter ? best.made : found.made;
    if (other !== undefined) await removeGroup(other.directory, records);
    if (isBetter) best = found;
    else if (best.made === undefined) best = { reasons: [...best.reasons, ...found.reasons] };
    if (countOf(best) === wanted.length) break;
  }
  return best;
}

function countOf({ made }: GroupSearch): number {
  return made?.controllers.length ?? 0;
}

async function tryParent(
  tools: Tools,
  parent: string,
  wanted: readonly Controller[],
  records: GroupRecords,
): Promise<GroupSearch> {
  const directory = join(parent, `s2oci-${randomBytes(8).toString('hex')}`);
  records.add(directory);
  try {
    mkdirSync(directory);
  } catch (error) {
    records.remove(directory);
    return { reasons: [`${parent}: ${codeOf(error)}`] };
  }
  const refused = wanted.flatMap((name) => enable(parent, name));
  const available = controllersOf(directory).filter((name) => wanted.includes(name));
  const problem = available.length === 0 ? [] : await prepare(tools, directory);
  const reasons = [...refused, ...problem].map((reason) => `${parent}: ${reason}`);
  if (available.length > 0 && problem.length === 0)
    return { made: { directory, controllers: available }, reasons };
  await removeGroup(directory, records);
  return { reasons };
}

/** Has a group give a controller to the groups in it; says why not. */
function enable(parent: string, name: Controller): readonly string[] {
  const given = join(parent, 'cgroup.subtree_control');
  if (controllersIn(given).includes(name)) return [];
  if (!controllersOf(parent).includes(name)) return [`${name} is not there`];
  try {
    writeFileSync(given, `+${name}`, { flag: 'r+' });
    return [];
  } catch (error) {
    return [`${name}: ${codeOf(error)}`];
  }
}

/** Makes the inner group, and tries whether a process can be moved into it. */
async function prepare(tools: Tools, directory: string): Promise<readonly string[]> {
  try {
    mkdirSync(innerOf(directory));
    writeFileSync(join(directory, 'cgroup.max.descendants'), '1', { flag: 'r+' });
  } catch (error) {
    return [codeOf(error)];
  }
  const [program = '', ...args] = [...joinCommand(tools, directory), tools.find('true') ?? 'true'];
  const { code } = await runHelper(program, args);
  return code === 0 ? [] : ['no process of ours may be moved into a group here'];
}

/** Kills what is in a group (kernel 5.14 or newer; before that nothing happens). */
export function killGroupMembers(directory: string): void {
  try {
    writeFileSync(join(directory, 'cgroup.kill'), '1', { flag: 'r+' });
  } catch {
    // it is gone, or the kernel too old: what holds processes together otherwise has ended them
  }
}

/** Kills what is in a group and removes it, as soon as the last process has ended; gives up after two seconds. */
export async function removeGroup(directory: string, records: GroupRecords): Promise<void> {
  const end = performance.now() + timeLimit;
  while (performance.now() < end) {
    killGroupMembers(directory);
    if (isRemoved(innerOf(directory)) && isRemoved(directory)) {
      records.remove(directory);
      return;
    }
    await sleep(pause);
  }
}

/** Removes the group that a record names, and no directory that is none of ours. */
export async function removeRecorded(directory: string, records: GroupRecords): Promise<void> {
  if (namePattern.test(basename(directory))) await removeGroup(directory, records);
}

function isRemoved(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    return codeOf(error) === 'ENOENT';
  }
}

/** The group in a group where the processes are. */
export function innerOf(directory: string): string {
  return join(directory, 'run');
}

function controllersOf(directory: string): readonly Controller[] {
  return controllersIn(join(directory, 'cgroup.controllers'));
}

function controllersIn(path: string): readonly Controller[] {
  const names = readOr(path).split(/\s+/);
  return controllers.filter((name) => names.includes(name));
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
