/** Makes a builder's flattened root file system available in the store. */

import { unpackLayers } from '../../layer/index.ts';
import { chainIdOf } from '../../model/index.ts';
import { rootfsKey, type Store } from '../../store/index.ts';
import type { AgentIdMapping, RootfsRequest, RootfsResult } from '../protocol.ts';
import type { OperationContext } from '../server.ts';

/**
 * Unpacks the layers that no stored root file system holds yet. Several agents asking for the same one
 * share the work: one unpacks, the others wait.
 */
export async function prepareRootfs(
  deps: {
    readonly store: Store;
    readonly idMapping: AgentIdMapping;
  },
  request: RootfsRequest,
  context: OperationContext,
): Promise<RootfsResult> {
  const { store, idMapping } = deps;
  const diffIds = request.layers.map((layer) => layer.diffId);
  const chainIds = diffIds.map((_, i) => chainIdOf(diffIds.slice(0, i + 1)));
  const key = rootfsKey(chainIdOf(diffIds), idMapping.key);
  let result: RootfsResult = { key, appliedLayers: 0, entries: 0, bytes: 0 };
  const build = async (directory: string) => {
    const base = await store.rootfs.findLongestPrefix(chainIds.slice(0, -1), idMapping.key);
    const missing = request.layers.slice(base?.layers ?? 0);
    const total = missing.reduce((sum, { size }) => sum + size, 0);
    const unpacked = await unpackLayers(
      {
        layers: await Promise.all(
          missing.map(async (layer) => ({ ...layer, path: await store.pathOf(layer.digest) })),
        ),
        target: directory,
        ...(base === undefined ? {} : { base: base.rootfs.path }),
        idMapping: idMapping.kind,
      },
      {
        signal: context.signal,
        onProgress: (current: number) =>
          void context.emit({ type: 'progress', id: 'unpack', current, total }),
      },
    );
    const { entries, bytes, warnings } = unpacked;
    result = { key, appliedLayers: missing.length, entries, bytes };
    for (const message of warnings) await context.emit({ type: 'warning', message });
    return { bytes };
  };
  const onWait = (holder: string) => {
    const message = `waiting for the root file system, which is being unpacked by ${holder}`;
    void context.emit({ type: 'warning', message });
  };
  await store.rootfs.create(key, build, context.signal, onWait);
  return result;
}
