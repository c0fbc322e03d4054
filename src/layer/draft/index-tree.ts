/** The files of a stored root file system as the layers recorded them, for copying out of it. */

import { type ByteString, byteStringOf } from '../../model/index.ts';
import type { Inode } from '../apply/inodes.ts';
import { Directory, pathOf } from '../apply/tree.ts';
import { fsPath } from '../directory-paths.ts';
import type { FileContent } from './content.ts';
import { type EntryFacts, findInTree, readTree } from './draft.ts';

/** One file of a tree, whatever the tree is. */
export interface TreeNode {
  readonly facts: EntryFacts;
  /** The same for all names of one file. */
  readonly identity?: unknown;
  readonly content?: FileContent;
}

/** A stored root file system: `fs/` and `index.jsonl` below one directory. */
export class StoredTree {
  readonly #root: Directory;
  readonly #files: ByteString;

  private constructor(root: Directory, files: ByteString) {
    this.#root = root;
    this.#files = files;
  }

  /** Reads its index. */
  static async open(directory: string): Promise<StoredTree> {
    const { root } = await readTree({ index: `${directory}/index.jsonl`, layers: [] });
    return new StoredTree(root, byteStringOf(`${directory}/fs`));
  }

  /** Returns the path, free of symlinks, that a path leads to; undefined when nothing is there. */
  resolve(path: ByteString): ByteString | undefined {
    const found = findInTree(this.#root, path);
    return found === undefined ? undefined : pathOf(found);
  }

  /** Names in the directory at a resolved path, sorted by bytes. */
  names(path: ByteString): readonly ByteString[] {
    const found = findInTree(this.#root, path);
    return found instanceof Directory ? Array.from(found.sorted(), ({ name }) => name) : [];
  }

  /** Returns what is at a path whose directory is resolved; a symlink is itself. */
  node(path: ByteString): TreeNode | undefined {
    const slash = path.lastIndexOf('/');
    const parent = findInTree(this.#root, path.slice(0, Math.max(slash, 0)) as ByteString);
    if (path === '') return { facts: factsOf(this.#root.inode) };
    const name =
      parent instanceof Directory
        ? parent.children.get(path.slice(slash + 1) as ByteString)
        : undefined;
    if (name === undefined) return undefined;
    const { inode } = name;
    return {
      facts: factsOf(inode),
      ...(inode.links > 1 ? { identity: inode.id } : {}),
      ...(inode.type === 'file' ? { content: { path: fsPath(`${this.#files}/${path}`) } } : {}),
    };
  }
}

function factsOf(inode: Inode): EntryFacts {
  const { type, mode, uid, gid, size, mtime, xattrs, linkName, deviceMajor, deviceMinor } = inode;
  return { type, mode, uid, gid, size, mtime, xattrs, linkName, deviceMajor, deviceMinor };
}
