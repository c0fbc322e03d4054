/**
 * An image as comparable things: what its layers add up to, and what its config says. Reads files with tar-stream and
 * nothing of `src/`.
 */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract, type Header } from 'tar-stream';

/** An image, ready to be compared. */
export interface LookedAt {
  /** Path to a line that says all about the entry. */
  readonly tree: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, unknown>>;
  /** `created_by` of each entry of the history, without what only one builder writes. */
  readonly history: readonly { readonly createdBy: string; readonly isEmpty: boolean }[];
}

interface Entry {
  /** Everything but content and number of links; shared by the names of a hard link. */
  readonly line: string;
  readonly inode: object;
}

/** Reads the only image of an OCI layout. */
export async function lookAtLayout(layout: string): Promise<LookedAt> {
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
  const blob = (digest: string): string => join(layout, 'blobs', digest.replace(':', '/'));
  return look(blob(index.manifests.at(-1).digest), blob);
}

/** Reads the image of a directory as `dir:` of skopeo and buildah makes it. */
export function lookAtDirectory(directory: string): Promise<LookedAt> {
  const blob = (digest: string): string => join(directory, digest.replace('sha256:', ''));
  return look(join(directory, 'manifest.json'), blob);
}

async function look(manifestPath: string, blob: (digest: string) => string): Promise<LookedAt> {
  const manifest = JSON.parse(await readFile(manifestPath, 'utf8'));
  const { config, history, author } = JSON.parse(
    await readFile(blob(manifest.config.digest), 'utf8'),
  );
  const tree = new Map<string, Entry>();
  for (const { digest } of manifest.layers) await applyLayer(blob(digest), tree);
  return {
    tree: describe(tree),
    config: { ...config, author },
    history: (history ?? []).map((entry: Record<string, unknown>) => ({
      createdBy: String(entry['created_by'] ?? ''),
      isEmpty: entry['empty_layer'] === true,
    })),
  };
}

async function applyLayer(path: string, tree: Map<string, Entry>): Promise<void> {
  const reader = extract();
  const added = new Set<string>();
  reader.on('entry', (header, stream, next) => {
    addEntry(header, stream, tree, added).then(
      () => next(),
      (error) => next(error),
    );
  });
  const decompressor = await decompressorFor(path);
  await pipeline([createReadStream(path), ...decompressor, reader]);
}

async function decompressorFor(path: string): Promise<readonly Transform[]> {
  await using file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4);
  const magic = buffer.toString('hex');
  if (magic.startsWith('1f8b')) return [createGunzip()];
  return magic === '28b52ffd' ? [createZstdDecompress()] : [];
}

async function addEntry(
  header: Header,
  stream: AsyncIterable<unknown>,
  tree: Map<string, Entry>,
  added: Set<string>,
): Promise<void> {
  const path = header.name.replace(/^(?:\.?\/)+/, '').replace(/\/$/, '');
  const slash = path.lastIndexOf('/');
  const [directory, name] = [path.slice(0, slash + 1), path.slice(slash + 1)];
  const content = await digestOf(stream);
  if (name === '.wh..wh..opq') return removeBelow(tree, directory, added);
  if (name.startsWith('.wh.')) return removeTree(tree, `${directory}${name.slice(4)}`);
  if (path === '') return;
  added.add(path);
  const before = tree.get(path);
  if (before !== undefined && (header.type !== 'directory' || !before.line.startsWith('directory')))
    removeTree(tree, path);
  const linked =
    header.type === 'link' ? tree.get(header.linkname?.replace(/^\.?\//, '') ?? '') : undefined;
  tree.set(path, linked ?? { line: lineOf(header, content), inode: {} });
}

function removeTree(tree: Map<string, Entry>, path: string): void {
  tree.delete(path);
  removeBelow(tree, `${path}/`, new Set());
}

function removeBelow(tree: Map<string, Entry>, prefix: string, kept: ReadonlySet<string>): void {
  for (const path of tree.keys()) if (path.startsWith(prefix) && !kept.has(path)) tree.delete(path);
}

async function digestOf(stream: AsyncIterable<unknown>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk as Uint8Array);
  return hash.digest('hex').slice(0, 16);
}

function lineOf(header: Header, content: string): string {
  const { type, mode = 0, uid, gid, size = 0, linkname, pax } = header;
  const xattrs = Object.entries(pax ?? {})
    .filter(([key]) => key.startsWith('SCHILY.xattr.'))
    .map(([key, value]) => `${key.slice(13)}=${value}`);
  const permissions = type === 'symlink' ? '' : (mode & 0o7777).toString(8).padStart(4, '0');
  const target = type === 'symlink' ? `-> ${linkname}` : '';
  const data = type === 'file' ? `${size} bytes ${content}` : '';
  return [type, permissions, `${uid}:${gid}`, target, data, ...xattrs.toSorted()]
    .filter((part) => part !== '')
    .join(' ');
}

function describe(tree: ReadonlyMap<string, Entry>): Readonly<Record<string, string>> {
  const names = new Map<object, string[]>();
  for (const [path, { inode }] of tree) names.set(inode, [...(names.get(inode) ?? []), path]);
  const lines = [...tree].map(([path, { line, inode }]): [string, string] => {
    const others = (names.get(inode) ?? []).filter((name) => name !== path).toSorted();
    return [path, others.length === 0 ? line : `${line} same file as ${others.join(', ')}`];
  });
  return Object.fromEntries(lines.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
