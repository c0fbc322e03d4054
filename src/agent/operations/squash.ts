/** Joins layers of the store into one. */

import { BuildError } from '../../errors/index.ts';
import { squashLayers, writeLayer } from '../../layer/index.ts';
import type { Rootfs, Store } from '../../store/index.ts';
import type { AgentOperations, SquashLayersRequest } from '../protocol.ts';

/** Writes what several layers change together; owners are those of the layers whatever ids there are. */
export async function squash(
  store: Store,
  request: SquashLayersRequest,
  signal: AbortSignal,
): Promise<AgentOperations['squash']['result']> {
  const { baseKey, compression, compressionLevel: level } = request;
  const result = await find(store, request.resultKey);
  const base = baseKey === undefined ? {} : { index: (await find(store, baseKey)).index };
  const layers = await Promise.all(
    request.layers.map(async (layer) => ({ ...layer, path: await store.pathOf(layer.digest) })),
  );
  const epoch = BigInt(request.epoch) * 1_000_000_000n;
  const body = await squashLayers({ base: { ...base, layers }, result: result.fs, epoch }, signal);
  const written = { body, compression, ...(level === undefined ? {} : { level }) };
  return writeLayer(written, (stream) => store.ingest(stream, {}, signal));
}

async function find(store: Store, key: string): Promise<Rootfs> {
  const found = await store.rootfs.find(key);
  if (found !== undefined) return found;
  throw new BuildError('STORE_DAMAGED', `root file system ${key} is gone from the store`);
}
