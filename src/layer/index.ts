/** Layers and directories: apply layers to a root file system; capture a change of one as a layer. */
export type { IdMapping } from './id-mapping.ts';
export type { LayerFile } from './layer-feed.ts';
export { removeTree } from './remove-tree.ts';
export type { RootfsEntry } from './rootfs-entry.ts';
export type { IndexNode } from './rootfs-index.ts';
export { RootfsIndex, readIndex } from './rootfs-index.ts';
export type { UnpackOptions, UnpackRequest, UnpackResult } from './unpack.ts';
export { unpackLayers } from './unpack.ts';
