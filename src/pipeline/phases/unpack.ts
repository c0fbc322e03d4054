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
        if (event.type !== 'progress') return;
        const { id, current } = event;
        deps.reporter.emit({
          type: 'progress',
          phase,
          id,
          label: 'layers',
          current,
          unit: 'bytes',
          time: deps.now(),
        });
      },
    },
  );
  const detail =
    result.appliedLayers === 0
      ? 'unpacked before'
      : `${result.entries} entries of ${result.appliedLayers} layers`;
  return { value: result, detail };
}
