/**
 * The files of a directory of this machine, for copying out of it. Symlinks are followed inside the directory only,
 * as if it were the root of everything.
 */

import * as fs from 'node:fs';
import type { ByteString } from '../../model/index.ts';
import { byteStringOf } from '../../model/index.ts';
import { readFacts } from '../capture/node-facts.ts';
import { fsPath } from '../directory-paths.ts';
import { resolveInRoot } from '../resolve-in-root.ts';
import { noXattrs } from '../xattr-names.ts';
import type { TreeNode } from './index-tree.ts';

/** A directory of this machine; its owners do not count: everything in it belongs to root. */
export class DiskTree {
  readonly #root: ByteString;
  readonly #mtime: bigint | undefined;

  /** @param mtime what everything in it says instead of its own modification time */
  constructor(root: string, mtime?: bigint) {
    this.#mtime = mtime;
    this.#root = byteStringOf(root.replace(/\/+$/, ''));
  }

  /** Returns the path, free of symlinks, that a path leads to; undefined when nothing is there. */
  resolve(path: ByteString): ByteString | undefined {
    const text = Buffer.from(path, 'latin1').toString('utf8');
    const root = Buffer.from(this.#root, 'latin1').toString('utf8');
    const { path: found } = resolveInRoot(root, `/${text}`);
    const below = byteStringOf(found).slice(this.#root.length + 1) as ByteString;
    return this.node(below) === undefined ? undefined : below;
  }

  /** Names in the directory at a resolved path, sorted by bytes. */
  names(path: ByteString): readonly ByteString[] {
    const names = fs.readdirSync(this.#place(path), { encoding: 'latin1' }) as ByteString[];
    return names.sort((a, b) => (a < b ? -1 : 1));
  }

  /** Returns what is at a path whose directory is resolved; a symlink is itself. Sockets are nothing. */
  node(path: ByteString): TreeNode | undefined {
    const place = this.#place(path);
    const found = readFacts(place);
    if (found === undefined || found.type === 'socket' || found.type === 'whiteout')
      return undefined;
    const { inode, type, ...rest } = found;
    const mtime = this.#mtime ?? rest.mtime;
    const mode = type === 'symlink' ? 0o777 : rest.mode;
    return {
      facts: { ...rest, type, mode, uid: 0, gid: 0, mtime, xattrs: noXattrs },
      ...(inode === undefined ? {} : { identity: inode }),
      ...(type === 'file' ? { content: { path: place } } : {}),
    };
  }

  #place(path: ByteString): string | Buffer {
    return fsPath(path === '' ? this.#root || '/' : `${this.#root}/${path}`);
  }
}
