/** Phase `unpack`: flattens an image's layers into one stored root file system. */

import type { Agent, RootfsResult } from '../../agent/index.ts';
import type { Phase, Reporter } from '../../events/index.ts';
import type { PhaseOutcome } from '../phase-timer.ts';
import type { FetchedLayers } from './fetch.ts';

/** Unpacks what is missing; does nothing when the root file system is stored already. */
export async function unpackImage(
  deps: { readonly agent: Agent; readonly reporter: Reporter; readonly now: () => number },
  fetched: FetchedLayers,
  signal: AbortSignal,
  phase: Phase = 'unpack',
): Promise<PhaseOutcome<RootfsResult>> {
  const result = await deps.agent.call(
    'prepareRootfs',
    { layers: fetched.layers },
    {
      signal,
      onEvent: (event) => {
        const time = deps.now();
        if (event.type === 'warning')
          deps.reporter.emit({
            type: 'log',
            level: 'warning',
            message: event.message,
            phase,
            time,
          });
        if (event.type === 'progress')
          deps.reporter.emit({ ...event, phase, label: 'layers', unit: 'bytes', time });
      },
    },
  );
  const detail =
    result.appliedLayers === 0
      ? 'unpacked before'
      : `${result.entries} entries of ${result.appliedLayers} layers`;
  return { value: result, detail };
}
