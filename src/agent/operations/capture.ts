/** Turns what changed in a workspace into a compressed layer of the store, in one pass. */

import { captureLayer, writeLayer } from '../../layer/index.ts';
import { byteStringOf } from '../../model/index.ts';
import type { Store } from '../../store/index.ts';
import type { AgentIdMapping, CapturedLayer, CaptureRequest } from '../protocol.ts';
import type { OperationContext } from '../server.ts';
import type { Workspace } from '../workspace.ts';

const nanoseconds = 1_000_000_000n;

/** Captures a workspace. The layer's bytes depend on its content only (docs/design.md, "The canonical layer"). */
export async function capture(
  deps: { readonly store: Store; readonly idMapping: AgentIdMapping },
  workspace: Workspace,
  request: CaptureRequest,
  context: OperationContext,
): Promise<CapturedLayer> {
  const captured = captureLayer(
    {
      lower: workspace.lower,
      result: workspace.root,
      ...(workspace.upper === undefined ? {} : { upper: workspace.upper }),
      exclude: request.exclude.map((path) => byteStringOf(path.replace(/^\/+/, ''))),
      epoch: BigInt(request.epoch) * nanoseconds,
      timestamps: request.timestamps,
      idMapping: deps.idMapping.kind,
      owner: request.owner,
    },
    { signal: context.signal },
  );
  const layer = await writeLayer(
    {
      body: captured.body,
      compression: request.compression,
      ...(request.compressionLevel === undefined ? {} : { level: request.compressionLevel }),
    },
    (stream) => deps.store.ingest(stream, {}, context.signal),
  );
  const { entries, whiteouts, warnings } = captured.stats();
  return { ...layer, entries, whiteouts, warnings };
}
