/**
 * COPY and ADD: what they take is hashed, or written as a layer straight from where it lies. No root file system is
 * mounted or changed for it, and owners are right whatever ids there are.
 */

import { createHash, type Hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { Draft, readContent, type TreeNode, writeLayer } from '../../layer/index.ts';
import { type ByteString, bufferOf, displayBytes, finishDigest } from '../../model/index.ts';
import type { Store } from '../../store/index.ts';
import { isArchive, unpackArchive } from '../copy/archive.ts';
import { type Gathered, gather } from '../copy/gather.ts';
import { parseModeChange } from '../copy/mode.ts';
import { Placer } from '../copy/place.ts';
import type {
  AgentOperations,
  CapturedLayer,
  CopyFilesRequest,
  CopySelection,
} from '../protocol.ts';

const entriesAtOnce = 100;

/** Hashes everything that a selection takes; times count where they come from an image or a server. */
export async function digestFiles(
  store: Store,
  selection: CopySelection,
  signal: AbortSignal,
): Promise<AgentOperations['digestFiles']['result']> {
  const hash = createHash('sha256');
  const counter = { files: 0 };
  for (const each of await gather(store, selection)) {
    addFields(hash, ['source', each.path, each.pivot, String(each.unpack)]);
    addNode(hash, '' as ByteString, each.node, each.timed);
    for (const { path, node } of each.content) {
      addNode(hash, path, node, each.timed);
      if (++counter.files % entriesAtOnce === 0) await setImmediate();
      signal.throwIfAborted();
    }
    counter.files += 1;
  }
  return { digest: finishDigest(hash), files: counter.files };
}

function addNode(hash: Hash, path: ByteString, node: TreeNode, timed: boolean): void {
  const { type, mode, uid, gid, size, mtime, linkName, deviceMajor, deviceMinor } = node.facts;
  const time = timed && type !== 'directory' ? String(mtime) : '';
  const numbers = [mode, uid, gid, size, deviceMajor, deviceMinor].join(' ');
  const xattrs = [...node.facts.xattrs]
    .map(([name, value]) => `${name}=${Buffer.from(value).toString('hex')}`)
    .sort()
    .join(' ');
  addFields(hash, [path, type, numbers, time, linkName, xattrs]);
  if (node.content !== undefined)
    for (const chunk of readContent(node.content, { path, size })) hash.update(chunk);
}

/** Each field behind its length, so that no two selections have the same input. */
function addFields(hash: Hash, fields: readonly string[]): void {
  for (const field of fields) {
    const bytes = bufferOf(field as ByteString);
    hash.update(`${bytes.length}:`).update(bytes);
  }
}

/** Writes the layer of one COPY, ADD or WORKDIR; undefined when it would hold nothing. */
export async function copyFiles(
  store: Store,
  request: CopyFilesRequest,
  signal: AbortSignal,
): Promise<CapturedLayer | undefined> {
  const epoch = BigInt(request.epoch) * 1_000_000_000n;
  const clamps = request.timestamps === 'clamp';
  // Times in the context are those of the checkout, which say nothing.
  const gathered = await gather(store, request, clamps ? epoch : undefined);
  const draft = await beginDraft(store, request, signal);
  const placer = new Placer(draft, {
    destination: request.destination,
    parents: request.parents,
    epoch,
    time: (mtime) => (clamps && mtime > epoch ? epoch : mtime),
    ...(request.owner === undefined ? {} : { owner: request.owner }),
    ...(request.mode === undefined ? {} : { mode: parseModeChange(request.mode) }),
  });
  if (request.sources.length === 0) placer.directory();
  for (const each of gathered) {
    await placeOne({ draft, placer, spool: request.spool }, each, gathered.length > 1, signal);
    await setImmediate();
  }
  return draft.entries === 0 ? undefined : await write(store, request, draft, signal);
}

async function placeOne(
  into: { readonly draft: Draft; readonly placer: Placer; readonly spool: string },
  each: Gathered,
  isOneOfMany: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { content } = each.node;
  const archive =
    each.unpack && content !== undefined && 'path' in content ? content.path : undefined;
  if (archive !== undefined && (await isArchive(archive)))
    await unpackArchive(archive, into, displayBytes(each.path), signal);
  else into.placer.place(each, each.pivot, isOneOfMany);
}

async function beginDraft(
  store: Store,
  request: CopyFilesRequest,
  signal: AbortSignal,
): Promise<Draft> {
  const { rootfsKey } = request;
  const base = rootfsKey === undefined ? undefined : await store.rootfs.find(rootfsKey);
  const layers = await Promise.all(
    request.layers.map(async (layer) => ({ ...layer, path: await store.pathOf(layer.digest) })),
  );
  return Draft.begin({ ...(base === undefined ? {} : { index: base.index }), layers }, signal);
}

async function write(
  store: Store,
  request: CopyFilesRequest,
  draft: Draft,
  signal: AbortSignal,
): Promise<CapturedLayer> {
  const { compression, compressionLevel: level } = request;
  const body = { body: draft.body(), compression, ...(level === undefined ? {} : { level }) };
  const layer = await writeLayer(body, (stream) => store.ingest(stream, {}, signal));
  return { ...layer, entries: draft.entries, whiteouts: 0, warnings: [] };
}
