/** Layers and directories: apply layers to a root file system; capture a change of one as a layer. */

export { impliedDirectory } from './apply/tree.ts';
export type { InPlace } from './capture/in-place.ts';
export type { Capture, CaptureRequest, CaptureStats } from './capture.ts';
export { captureLayer } from './capture.ts';
export { treeProblem } from './check-tree.ts';
export type { CopyOptions, CopyResult } from './copy-tree.ts';
export { copyTree } from './copy-tree.ts';
export { type FileContent, readContent } from './draft/content.ts';
export { DiskTree } from './draft/disk-tree.ts';
export { Draft, type DraftBase, type EntryFacts } from './draft/draft.ts';
export { StoredTree, type TreeNode } from './draft/index-tree.ts';
export { type SquashRequest, squashLayers } from './draft/squash.ts';
export type { IdMapping } from './id-mapping.ts';
export type { LayerFile } from './layer-feed.ts';
export { removeTree } from './remove-tree.ts';
export type { ResolvedPath, ResolveOptions } from './resolve-in-root.ts';
export { resolveInRoot } from './resolve-in-root.ts';
export type { RootfsEntry } from './rootfs-entry.ts';
export { readIndex } from './rootfs-index.ts';
export type { UnpackOptions, UnpackRequest, UnpackResult } from './unpack.ts';
export { unpackLayers } from './unpack.ts';
export type { LayerBody, WrittenLayer } from './write-layer.ts';
export { writeLayer } from './write-layer.ts';
