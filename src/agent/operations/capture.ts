/** Turns what changed in a workspace into a compressed layer of the store, in one pass. */

import { pipeline, type Readable } from 'node:stream';
import { asBuildError, BuildError } from '../../errors/index.ts';
import { captureLayer, writeLayer } from '../../layer/index.ts';
import type { Store } from '../../store/index.ts';
import { nameOf } from '../in-place.ts';
import type { AgentIdMapping, CapturedLayer, CaptureRequest } from '../protocol.ts';
import { type FoundSecret, findSecretFiles } from '../secrets/find-files.ts';
import { type SecretPattern, secretPatterns } from '../secrets/patterns.ts';
import { refuseSecrets } from '../secrets/scan.ts';
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
  const captured = captureLayer(captureOf(deps, workspace, request), { signal: context.signal });
  const patterns = secretPatterns(workspace.secrets);
  const layer = await writeLayer(
    {
      body: patterns.length === 0 ? captured.body : checked(captured.body, patterns),
      compression: request.compression,
      ...(request.compressionLevel === undefined ? {} : { level: request.compressionLevel }),
    },
    (stream) => deps.store.ingest(stream, {}, context.signal),
  ).catch(async (error: unknown) => {
    if (asBuildError(error).code !== 'SECRET_IN_IMAGE') throw error;
    const again = captureLayer(captureOf(deps, workspace, request), { signal: context.signal });
    throw secretFound(await findSecretFiles(again.body, patterns, context.signal));
  });
  const { entries, whiteouts, warnings } = captured.stats();
  return { ...layer, entries, whiteouts, warnings };
}

function captureOf(
  { idMapping }: { readonly idMapping: AgentIdMapping },
  workspace: Workspace,
  request: CaptureRequest,
): Parameters<typeof captureLayer>[0] {
  const { inPlace } = workspace;
  return {
    lower: workspace.lower,
    result: workspace.root,
    ...(workspace.upper === undefined ? {} : { upper: workspace.upper }),
    exclude: [...request.exclude, ...(inPlace?.foreign ?? [])].map(nameOf),
    epoch: BigInt(request.epoch) * nanoseconds,
    timestamps: request.timestamps,
    idMapping: idMapping.kind,
    owner: request.owner,
    ...(inPlace === undefined ? {} : { inPlace }),
  };
}

/** The archive, which fails as soon as a secret shows in it, so that nothing of it is stored. */
function checked(body: Readable, patterns: readonly SecretPattern[]): Readable {
  const check = refuseSecrets(patterns, () => secretFound([]));
  pipeline(body, check, () => {});
  return check;
}

function secretFound(found: readonly FoundSecret[]): BuildError {
  const places = found.map(({ id, path }) => `the value of secret ${id} is in ${path}`);
  const what = places.length === 0 ? 'the value of a secret is in it' : places.join('; ');
  return new BuildError('SECRET_IN_IMAGE', `the layer is refused: ${what}`, {
    origin: 'builder',
    suggestion:
      'let the script read the secret where it is mounted, and remove copies that tools make',
  });
}
