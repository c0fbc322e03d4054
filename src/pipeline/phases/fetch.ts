/** Phase `fetch`: brings those layers of an image into the store that have to be unpacked there. */

import pLimit from 'p-limit';
import type { Agent, LayerBlob } from '../../agent/index.ts';
import type { BlobSource } from '../../blob/index.ts';
import { BuildError } from '../../errors/index.ts';
import type { Phase, Reporter } from '../../events/index.ts';
import {
  chainIdOf,
  type Descriptor,
  type Digest,
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
  deps: FetchDeps,
  image: ResolvedImage,
  signal: AbortSignal,
  phase: Phase = 'fetch',
): Promise<PhaseOutcome<FetchedLayers>> {
  const layers = checkedLayers(image);
  const stack = image.manifest.layers.map((descriptor, i) => ({
    descriptor,
    diffId: (layers[i] as LayerBlob).diffId,
    blobs: image.source,
  }));
  const { stored, pulledBytes } = await fetchStack(deps, stack, signal, phase);
  return {
    value: { layers, rootfsKey: keyOf(stack, deps.agent), pulledBytes },
    detail: `${stored} of ${layers.length} layers are unpacked here already`,
  };
}

/** A layer and where its blob is. */
export interface StackedLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  readonly blobs: BlobSource;
}

/** What fetching works through. */
export interface FetchDeps {
  readonly store: Store;
  readonly agent: Agent;
  readonly reporter: Reporter;
  readonly lease: Lease;
  readonly now: () => number;
}

/**
 * Fetches those of some layers that no stored root file system holds, and protects all of them.
 *
 * @returns how many of the layers, from the bottom, are in a stored root file system
 */
export async function fetchStack(
  deps: FetchDeps,
  stack: readonly StackedLayer[],
  signal: AbortSignal,
  phase: Phase = 'fetch',
): Promise<{ readonly stored: number; readonly pulledBytes: number }> {
  const { store, agent, lease } = deps;
  if (stack.length === 0) return { stored: 0, pulledBytes: 0 };
  const chainIds = stack.map((_, i) => chainIdOf(stack.slice(0, i + 1).map((one) => one.diffId)));
  await lease.add([keyOf(stack, agent), ...stack.map(({ descriptor }) => descriptor.digest)]);
  const found = await store.rootfs.findLongestPrefix(chainIds, agent.idMapping.key);
  if (found !== undefined) await lease.add([found.rootfs.key]);
  const needed = stack.slice(found?.layers ?? 0);
  const limit = pLimit(parallelLayers);
  let pulledBytes = 0;
  const fetchOne = async ({ descriptor, blobs }: StackedLayer) => {
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
    const onWait = (holder: string) =>
      deps.reporter.emit({
        type: 'log',
        level: 'info',
        message: `waiting for layer ${label}, which is being downloaded by ${holder}`,
        phase,
        time: deps.now(),
      });
    const outcome = await store.fetch(descriptor, blobs, { signal, onProgress, onWait });
    if (outcome === 'fetched') pulledBytes += descriptor.size;
  };
  await Promise.all(needed.map((layer) => limit(fetchOne, layer)));
  return { stored: found?.layers ?? 0, pulledBytes };
}

function keyOf(stack: readonly StackedLayer[], agent: Agent): string {
  return rootfsKey(chainIdOf(stack.map(({ diffId }) => diffId)), agent.idMapping.key);
}

/**
 * Returns the layers of an image as the agent takes them.
 *
 * @throws BuildError `IMAGE_CONFIG_INVALID`, `MEDIA_TYPE_UNSUPPORTED`
 */
export function checkedLayers(image: ResolvedImage): readonly LayerBlob[] {
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
