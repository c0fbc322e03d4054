/** Makes a builder's flattened root file system available in the store. */

import { chainIdOf, type Digest, hexOf } from '../../model/index.ts';
import { unpackLayers } from '../../layer/index.ts';
import type { Store } from '../../store/index.ts';
import type { AgentIdMapping, RootfsRequest, RootfsResult } from '../protocol.ts';
import type { OperationContext } from '../server.ts';

/** The key under which a root file system is stored: what it holds and whose ids its files have. */
export function rootfsKey(chainId: Digest, mapping: AgentIdMapping): string {
  return `${hexOf(chainId)}.${mapping.key}`;
}

/**
 * Unpacks the layers that no stored root file system holds yet. Several agents asking for the same one
 * share the work: one unpacks, the others wait.
 */
export async function prepareRootfs(
  deps: { readonly store: Store; readonly idMapping: AgentIdMapping },
  request: RootfsRequest,
  context: OperationContext,
): Promise<RootfsResult> {
  const { store, idMapping } = deps;
  const diffIds = request.layers.map((layer) => layer.diffId);
  const chainIds = diffIds.map((_, i) => chainIdOf(diffIds.slice(0, i + 1)));
  const key = rootfsKey(chainIdOf(diffIds), idMapping);
  let result: RootfsResult = { key, appliedLayers: 0, entries: 0, bytes: 0 };
  const build = async (directory: string) => {
    const base = await store.rootfs.findLongestPrefix(chainIds.slice(0, -1), idMapping.key);
    const missing = request.layers.slice(base === undefined ? 0 : base.length);
    const unpacked = await unpackLayers(
      {
        layers: missing.map((layer) => ({ ...layer, path: store.pathOf(layer.digest) })),
        target: directory,
        ...(base === undefined ? {} : { base: base.path }),
        idMapping: idMapping.kind,
      },
      {
        signal: context.signal,
        onProgress: (current: number) => void context.emit({ type: 'progress', id: 'unpack', current }),
      },
    );
    result = { key, appliedLayers: missing.length, ...unpacked };
  };
  await store.rootfs.create(key, build, context.signal);
  return result;
}

