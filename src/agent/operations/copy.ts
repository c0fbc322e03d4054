/**
 * COPY and ADD: what they take is hashed, or written as a layer straight from where it lies. No root file system is
 * mounted or changed for it, and owners are right whatever ids there are.
 */

import { createHash, type Hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { Draft, readContent, type TreeNode, writeLayer } from '../../layer/index.ts';
import {
  type ByteString,
  bufferOf,
  type Digest,
  displayBytes,
  finishDigest,
} from '../../model/index.ts';
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
  FileDigest,
} from '../protocol.ts';

const entriesAtOnce = 100;

/** Hashes everything that a selection takes, entry by entry; times count where they come from an image or a server. */
export async function digestFiles(
  store: Store,
  selection: CopySelection,
  signal: AbortSignal,
): Promise<AgentOperations['digestFiles']['result']> {
  const digests: FileDigest[] = [];
  for (const [index, each] of (await gather(store, selection)).entries()) {
    const where = [String(index), each.path, each.pivot, String(each.unpack), String(each.timed)];
    const own = { path: '' as ByteString, node: each.node };
    for (const { path, node } of [own, ...each.content]) {
      const shown = displayBytes([each.path, path].filter(Boolean).join('/') as ByteString);
      digests.push({ path: shown, digest: digestNode([...where, path], node, each.timed) });
      if (digests.length % entriesAtOnce === 0) await setImmediate();
      signal.throwIfAborted();
    }
  }
  return digests;
}

function digestNode(where: readonly string[], node: TreeNode, timed: boolean): Digest {
  const { type, mode, uid, gid, size, mtime, linkName, deviceMajor, deviceMinor } = node.facts;
  const time = timed && type !== 'directory' ? String(mtime) : '';
  const numbers = [mode, uid, gid, size, deviceMajor, deviceMinor].join(' ');
  const xattrs = [...node.facts.xattrs]
    .map(([name, value]) => `${name}=${Buffer.from(value).toString('hex')}`)
    .sort()
    .join(' ');
  const hash = createHash('sha256');
  addFields(hash, [...where, type, numbers, time, linkName, xattrs]);
  if (node.content !== undefined) {
    const path = where.at(-1) as ByteString;
    for (const chunk of readContent(node.content, { path, size })) hash.update(chunk);
  }
  return finishDigest(hash);
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
