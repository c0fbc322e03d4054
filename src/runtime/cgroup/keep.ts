/** Keeps the limits of a run as firmly as it can be done here: by a control group, and by the means of old for the rest. */

import { readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { RuntimeDeps } from '../deps.ts';
import type { ExitStatus, LimitKeepers, ProcessLimits, RunGroup } from '../ports.ts';
import {
  innerOf,
  joinCommand,
  killGroupMembers,
  type MadeGroup,
  makeGroup,
  removeGroup,
} from './group.ts';
import { limitNotes } from './notes.ts';
import { recordsIn } from './records.ts';
import { type Controller, controllersFor, eventCount, keepersOf, settingsFor } from './settings.ts';

/** The limits of one run. Disposing ends what is left of it, and removes the group. */
export interface KeptLimits extends AsyncDisposable {
  /** What goes into the spec of the run. */
  readonly spec: { readonly limits?: ProcessLimits; readonly group?: RunGroup };
  readonly keepers: LimitKeepers;
  /** In which ways limits fall short, in words. */
  readonly notes: readonly string[];
  /** Tells how a run ended, with what its group knows; call it before disposing. */
  judge(status: ExitStatus): Judgement;
}

/** How a run ended under its limits. */
export interface Judgement {
  readonly status: ExitStatus;
  /** It came to a good end, although the kernel refused it processes. */
  readonly wasRefused: boolean;
}

/**
 * Makes a control group for limits, where that is possible.
 *
 * @param parents finds directories of groups in which another may be made, the first choice first
 */
export async function keepLimits(
  { tools, stateDirectory }: Pick<RuntimeDeps, 'tools' | 'stateDirectory'>,
  limits: ProcessLimits | undefined,
  parents: () => readonly string[],
): Promise<KeptLimits> {
  const wanted = controllersFor(limits ?? {});
  const records = recordsIn(stateDirectory);
  const { made } = wanted.length === 0 ? {} : await makeGroup(tools, parents(), wanted, records);
  if (limits === undefined || made === undefined) return withoutGroup(limits);
  const kept = applySettings(made, limits);
  const group = {
    prefix: joinCommand(tools, made.directory),
    kill: () => killGroupMembers(made.directory),
    ...(kept.includes('pids') ? { refusals: () => refusalsIn(made.directory) } : {}),
  };
  const keepers = keepersOf(limits, kept);
  return {
    spec: { limits: limitsBeside(limits, kept), group },
    keepers,
    notes: limitNotes(limits, keepers),
    judge: (status) => judge(made.directory, status),
    [Symbol.asyncDispose]: () => removeGroup(made.directory, records),
  };
}

function withoutGroup(limits: ProcessLimits | undefined): KeptLimits {
  const keepers = keepersOf(limits ?? {}, []);
  return {
    spec: limits === undefined ? {} : { limits },
    keepers,
    notes: limitNotes(limits ?? {}, keepers),
    judge: (status) => ({ status, wasRefused: false }),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Writes the limits into a group; returns the controllers that took them. */
export function applySettings(
  { directory, controllers }: MadeGroup,
  limits: ProcessLimits,
): readonly Controller[] {
  return controllers.filter((controller) =>
    settingsFor(controller, limits).every(
      ({ file, value, optional }) => isWritten(join(directory, file), value) || optional === true,
    ),
  );
}

function isWritten(path: string, value: string): boolean {
  try {
    writeFileSync(path, value, { flag: 'r+' });
    return true;
  } catch {
    return false;
  }
}

/** Processors are kept by affinity as well: programs count them to see how many threads they should start. */
function limitsBeside(
  { memory, processes, ...others }: ProcessLimits,
  kept: readonly Controller[],
): ProcessLimits {
  return {
    ...others,
    ...(memory === undefined || kept.includes('memory') ? {} : { memory }),
    ...(processes === undefined || kept.includes('pids') ? {} : { processes }),
  };
}

const killedCode = 128 + constants.signals.SIGKILL;

/** Tells how a run ended from the events of its group: the kernel killed it, or refused it what it needed. */
export function judge(directory: string, status: ExitStatus): Judgement {
  if (eventsIn(directory, 'memory.events', 'oom_kill') > 0)
    return { status: { code: killedCode, limit: 'memory' }, wasRefused: false };
  const isRefused = status.limit === undefined && refusalsIn(directory) > 0;
  if (isRefused && status.code !== 0)
    return { status: { code: status.code, limit: 'processes' }, wasRefused: false };
  return { status, wasRefused: isRefused };
}

/** Kernels before 6.11 count them where the process is, when runc has the inner group counted by itself. */
function refusalsIn(directory: string): number {
  return [directory, innerOf(directory)].reduce(
    (sum, group) => sum + eventsIn(group, 'pids.events', 'max'),
    0,
  );
}

function eventsIn(directory: string, file: string, name: string): number {
  try {
    return eventCount(readFileSync(join(directory, file), 'utf8'), name);
  } catch {
    return 0; // the group has no such controller
  }
}
