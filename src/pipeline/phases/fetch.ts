/** Phase `fetch`: brings those layers of an image into the store that have to be unpacked there. */

import pLimit from 'p-limit';
import type { Agent, LayerBlob } from '../../agent/index.ts';
import { BuildError } from '../../errors/index.ts';
import type { Phase, Reporter } from '../../events/index.ts';
import {
  chainIdOf,
  type Descriptor,
  isForeignLayerType,
  layerCompression,
} from '../../model/index.ts';
import { type Lease, rootfsKey, type Store } from '../../store/index.ts';
import type { PhaseOutcome } from '../phase-timer.ts';
import type { ResolvedImage } from './resolve.ts';

/** Layers fetched at the same time. */
const parallelLayers = 4;

/** What the store now has, and what it took. */
export interface FetchedLayers {
  readonly layers: readonly LayerBlob[];
  readonly rootfsKey: string;
  readonly pulledBytes: number;
}

/**
 * Fetches the layers of an image that its root file system needs and the store lacks. Nothing is
 * fetched when the root file system itself is stored already.
 */
export async function fetchLayers(
  deps: {
    readonly store: Store;
    readonly agent: Agent;
    readonly reporter: Reporter;
    readonly lease: Lease;
    readonly now: () => number;
  },
  image: ResolvedImage,
  signal: AbortSignal,
  phase: Phase = 'fetch',
): Promise<PhaseOutcome<FetchedLayers>> {
  const { store, agent, lease } = deps;
  const layers = layerBlobs(image);
  const chainIds = layers.map((_, i) =>
    chainIdOf(layers.slice(0, i + 1).map((layer) => layer.diffId)),
  );
  const key = rootfsKey(chainIdOf(layers.map((layer) => layer.diffId)), agent.idMapping.key);
  await lease.add([key, ...image.manifest.layers.map((layer) => layer.digest)]);
  const stored = await store.rootfs.findLongestPrefix(chainIds, agent.idMapping.key);
  const needed = image.manifest.layers.slice(stored?.layers ?? 0);
  const limit = pLimit(parallelLayers);
  let pulledBytes = 0;
  const fetchOne = async (descriptor: Descriptor) => {
    const label = descriptor.digest.slice(7, 19);
    const onProgress = (current: number) =>
      deps.reporter.emit({
        type: 'progress',
        phase,
        id: descriptor.digest,
        label,
        current,
        total: descriptor.size,
        unit: 'bytes',
        time: deps.now(),
      });
    const outcome = await store.fetch(descriptor, image.source, { signal, onProgress });
    if (outcome === 'fetched') pulledBytes += descriptor.size;
  };
  await Promise.all(needed.map((descriptor) => limit(fetchOne, descriptor)));
  return {
    value: { layers, rootfsKey: key, pulledBytes },
    detail: `${layers.length - needed.length} of ${layers.length} layers are unpacked here already`,
  };
}

function layerBlobs(image: ResolvedImage): readonly LayerBlob[] {
  const { manifest, config, source } = image;
  if (manifest.layers.length !== config.diffIds.length) {
    throw new BuildError(
      'IMAGE_CONFIG_INVALID',
      `${source.name} has ${manifest.layers.length} layers but ${config.diffIds.length} diffIDs`,
    );
  }
  return manifest.layers.map((layer, i) => {
    const compression = layerCompression(layer.mediaType);
    const diffId = config.diffIds[i];
    if (compression === undefined || diffId === undefined) {
      throw new BuildError(
        'MEDIA_TYPE_UNSUPPORTED',
        `layer ${i + 1} of ${source.name} is of the unknown type ${layer.mediaType}`,
      );
    }
    if (isForeignLayerType(layer.mediaType)) {
      throw new BuildError(
        'MEDIA_TYPE_UNSUPPORTED',
        `layer ${i + 1} of ${source.name} is a foreign layer, which builds cannot use`,
      );
    }
    return { digest: layer.digest, size: layer.size, compression, diffId };
  });
}
