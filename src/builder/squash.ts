/** `--squash`: what a build added to its base image as one layer. */

import type { StageState } from './stage-state.ts';
import { layerBlobsOf } from './stage-state.ts';
import type { Workshop } from './workshop.ts';

/**
 * Joins the layers that are not of the base image. Their lines of history stay, but only the last one has a layer.
 */
export async function squash(
  workshop: Workshop,
  state: StageState,
  signal: AbortSignal,
): Promise<StageState> {
  const base = state.layers.filter(({ origin }) => origin === 'builder');
  const own = state.layers.slice(base.length);
  if (own.length < 2) return state;
  const agent = await workshop.agent();
  const resultKey = await workshop.rootfs(state.layers, signal);
  const baseKey = base.length === 0 ? {} : { baseKey: await workshop.rootfs(base, signal) };
  const { compression, compressionLevel } = workshop.request;
  const layer = await agent.call(
    'squash',
    {
      ...{ ...baseKey, resultKey, layers: layerBlobsOf(own), epoch: workshop.epoch, compression },
      ...(compressionLevel === undefined ? {} : { compressionLevel }),
    },
    { signal },
  );
  await workshop.lease.add([layer.digest]);
  const layers = [...base, workshop.storedLayer(layer, compression)];
  return { ...state, layers, history: historyOf(state, base.length) };
}

/** The last line that had a layer gets the joined one; lines of the base stay as they are. */
function historyOf({ history }: StageState, ofBase: number): StageState['history'] {
  const withLayer = history.flatMap((entry, i) => (entry.empty_layer === true ? [] : [i]));
  const [last, kept] = [withLayer.at(-1), new Set(withLayer.slice(0, ofBase))];
  return history.map((entry, i) =>
    entry.empty_layer === true || kept.has(i) || i === last
      ? entry
      : { ...entry, empty_layer: true },
  );
}
