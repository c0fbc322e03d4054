/**
 * An image as two comparable things: what its layers add up to, and what its config says. Reads the files of an OCI
 * layout with tar-stream and nothing of `src/`.
 */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract, type Headers } from 'tar-stream';

/** An image, ready to be compared. */
export interface LookedAt {
  /** Path to a line that says all about the entry. */
  readonly tree: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, unknown>>;
  /** `created_by` of each entry of the history, without what only one builder writes. */
  readonly history: readonly { readonly createdBy: string; readonly isEmpty: boolean }[];
}

interface Descriptor {
  readonly digest: string;
  readonly mediaType: string;
}

interface Entry {
  /** Everything but content and number of links; shared by the names of a hard link. */
  readonly line: string;
  readonly inode: object;
}

/** Reads the only image of a layout. */
export async function lookAt(layout: string): Promise<LookedAt> {
  const blob = (digest: string): string => join(layout, 'blobs', digest.replace(':', '/'));
  const json = async (path: string) => JSON.parse(await readFile(path, 'utf8'));
  const index = await json(join(layout, 'index.json'));
  const manifest = await json(blob(index.manifests.at(-1).digest));
  const config = await json(blob(manifest.config.digest));
  const tree = new Map<string, Entry>();
  for (const layer of manifest.layers) await applyLayer(blob(layer.digest), layer, tree);
  return {
    tree: describe(tree),
    config: config.config ?? {},
    history: (config.history ?? []).map((entry: Record<string, unknown>) => ({
      createdBy: String(entry['created_by'] ?? ''),
      isEmpty: entry['empty_layer'] === true,
    })),
  };
}

async function applyLayer(
  path: string,
  { mediaType }: Descriptor,
  tree: Map<string, Entry>,
): Promise<void> {
  const reader = extract();
  const added = new Set<string>();
  reader.on('entry', (header, stream, next) => {
    addEntry(header, stream, tree, added).then(
      () => next(),
      (error) => next(error),
    );
  });
  const file = createReadStream(path);
  if (mediaType.endsWith('gzip')) await pipeline(file, createGunzip(), reader);
  else if (mediaType.endsWith('zstd')) await pipeline(file, createZstdDecompress(), reader);
  else await pipeline(file, reader);
}

async function addEntry(
  header: Headers,
  stream: Readable,
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
  const linked = header.type === 'link' ? tree.get(header.linkname?.replace(/^\.?\//, '') ?? '') : undefined;
  tree.set(path, linked ?? { line: lineOf(header, content), inode: {} });
}

function removeTree(tree: Map<string, Entry>, path: string): void {
  tree.delete(path);
  removeBelow(tree, `${path}/`, new Set());
}

function removeBelow(tree: Map<string, Entry>, prefix: string, kept: ReadonlySet<string>): void {
  for (const path of tree.keys())
    if (path.startsWith(prefix) && !kept.has(path)) tree.delete(path);
}

async function digestOf(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest('hex').slice(0, 16);
}

function lineOf(header: Headers, content: string): string {
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
