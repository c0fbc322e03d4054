/** Phase `capture`: turns what assemble changed into one layer of the store. */

import type { Agent, CapturedLayer } from '../../agent/index.ts';
import type { Reporter } from '../../events/index.ts';
import type { Container } from '../container.ts';
import type { PhaseOutcome } from '../phase-timer.ts';
import type { BuildRequest } from '../request.ts';

/** What to capture and how. */
export interface CaptureInput {
  readonly container: Container;
  readonly epoch: number;
  /** Absolute container paths that stay out of the image. */
  readonly exclude: readonly string[];
  readonly owner: { readonly uid: number; readonly gid: number };
}

/** Captures the change; undefined when nothing changed. */
export async function captureChange(
  deps: { readonly agent: Agent; readonly reporter: Reporter; readonly now: () => number },
  request: BuildRequest,
  input: CaptureInput,
  signal: AbortSignal,
): Promise<PhaseOutcome<CapturedLayer | undefined>> {
  const layer = await deps.agent.call(
    'capture',
    {
      workspace: input.container.workspace,
      exclude: input.exclude,
      epoch: input.epoch,
      timestamps: request.timestamps,
      compression: request.compression,
      ...(request.compressionLevel === undefined
        ? {}
        : { compressionLevel: request.compressionLevel }),
      owner: input.owner,
    },
    { signal },
  );
  for (const message of layer.warnings) {
    deps.reporter.emit({
      type: 'log',
      level: 'warning',
      message,
      phase: 'capture',
      time: deps.now(),
    });
  }
  if (layer.entries === 0 && layer.whiteouts === 0)
    return { value: undefined, detail: 'nothing changed' };
  return { value: layer, detail: `${layer.entries} entries, ${layer.whiteouts} removed` };
}
