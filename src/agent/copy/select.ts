/**
 * Which files of a tree COPY and ADD take: patterns as Go's filepath.Match reads them, symlinks named by a
 * pattern followed inside the tree, others taken as they are.
 */

import { posix } from 'node:path';
import { BuildError } from '../../errors/index.ts';
import type { TreeNode } from '../../layer/index.ts';
import { type ByteString, bufferOf, byteStringOf, displayText } from '../../model/index.ts';
import { compilePathPattern, hasWildcards, type IgnoreMatcher } from '../../source/index.ts';

/** A tree of files: a directory of this machine, or a stored root file system. */
export interface CopyTree {
  /** Returns the path, free of symlinks, that a path leads to; undefined when nothing is there. */
  resolve(path: ByteString): ByteString | undefined;
  /** Names in the directory at a resolved path, sorted by bytes. */
  names(path: ByteString): readonly ByteString[];
  /** Returns what is at a path whose directory is resolved; a symlink is itself. */
  node(path: ByteString): TreeNode | undefined;
}

/** A file or directory that a pattern named. */
export interface Selected {
  /** As matched, relative to the tree; its last component is the name that a file keeps. */
  readonly path: ByteString;
  readonly node: TreeNode;
  /** What lies in it, by path relative to it, parents first; nothing for a file. */
  readonly content: readonly SelectedEntry[];
}

/** An entry of a directory. */
export interface SelectedEntry {
  readonly path: ByteString;
  readonly node: TreeNode;
}

/** What is left out. */
export interface SelectRules {
  /** Rules of the build context, by path in the tree. */
  readonly ignored?: IgnoreMatcher;
  /** `--exclude`, by path in the directory that a pattern named, or by a file's name. */
  readonly excluded?: IgnoreMatcher;
}

/** Selects from one tree. */
export class Selector {
  readonly #tree: CopyTree;
  readonly #rules: SelectRules;

  constructor(tree: CopyTree, rules: SelectRules) {
    this.#tree = tree;
    this.#rules = rules;
  }

  /**
   * Returns what a source of the instruction names, in the order of the bytes of its names. A pattern may match nothing.
   *
   * @throws BuildError `SOURCE_NOT_FOUND` for a plain path at which nothing is or that is left out of the context
   */
  select(source: string): readonly Selected[] {
    const clean = posix.normalize(`/${source}`).replace(/^\/|\/$/g, '');
    const paths = hasWildcards(clean)
      ? [...this.#expand('' as ByteString, clean.split('/'))]
      : [byteStringOf(clean)];
    const found = paths.flatMap((path) => this.#selected(path));
    if (found.length === 0 && !hasWildcards(clean)) throw this.#notFound(source);
    return found;
  }

  *#expand(at: ByteString, parts: readonly string[]): Generator<ByteString> {
    const [part = '', ...rest] = parts;
    const directory = this.#tree.resolve(at);
    if (directory === undefined || this.#tree.node(directory)?.facts.type !== 'directory') return;
    for (const name of this.#matching(directory, part)) {
      const path = join(at, name);
      if (rest.length === 0) yield path;
      else yield* this.#expand(path, rest);
    }
  }

  #matching(directory: ByteString, part: string): readonly ByteString[] {
    const pattern = compilePathPattern(part, false);
    if (pattern === undefined)
      throw new BuildError('DOCKERFILE_INVALID', `malformed pattern: "${displayText(part)}"`, {
        suggestion: 'a "[" begins a class of characters; write "[[]" for the character itself',
      });
    if (pattern.literal !== undefined) return [byteStringOf(pattern.literal)];
    return this.#tree.names(directory).filter((name) => pattern.matches(textOf(name)));
  }

  #selected(path: ByteString): readonly Selected[] {
    const resolved = this.#tree.resolve(path);
    const node = resolved === undefined ? undefined : this.#tree.node(resolved);
    if (resolved === undefined || node === undefined) return [];
    const base = path.slice(path.lastIndexOf('/') + 1) as ByteString;
    if (node.facts.type !== 'directory') {
      const kept = !this.#ignores(resolved, false) && !this.#excludes(base, false);
      return kept ? [{ path, node, content: [] }] : [];
    }
    const isOut = resolved !== '' && this.#ignores(resolved, true);
    const content = [...this.#walk(resolved, '' as ByteString)];
    return isOut && content.length === 0 ? [] : [{ path, node, content }];
  }

  *#walk(at: ByteString, relative: ByteString): Generator<SelectedEntry> {
    for (const name of this.#tree.names(at)) {
      const [full, path] = [join(at, name), join(relative, name)];
      const node = this.#tree.node(full);
      if (node === undefined) continue;
      const isDirectory = node.facts.type === 'directory';
      const kept = !this.#ignores(full, isDirectory) && !this.#excludes(path, isDirectory);
      if (!isDirectory) {
        if (kept) yield { path, node };
      } else if (kept) {
        yield { path, node };
        yield* this.#walk(full, path);
      } else if (!this.#prunes(full, path)) yield* this.#rescued(full, { path, node });
    }
  }

  /** A directory that is left out is still needed for what is in it and is not. */
  *#rescued(full: ByteString, entry: SelectedEntry): Generator<SelectedEntry> {
    let isWritten = false;
    for (const inner of this.#walk(full, entry.path)) {
      if (!isWritten) yield entry;
      isWritten = true;
      yield inner;
    }
  }

  #ignores(path: ByteString, isDirectory: boolean): boolean {
    return this.#rules.ignored?.ignores(path, isDirectory) === true;
  }

  #excludes(path: ByteString, isDirectory: boolean): boolean {
    return path !== '' && this.#rules.excluded?.ignores(path, isDirectory) === true;
  }

  #prunes(full: ByteString, path: ByteString): boolean {
    const byContext = this.#ignores(full, true) && this.#rules.ignored?.prunes(full) === true;
    return byContext || (this.#excludes(path, true) && this.#rules.excluded?.prunes(path) === true);
  }

  #notFound(source: string): BuildError {
    const path = posix.normalize(`/${source}`).slice(1);
    const exists = this.#tree.resolve(byteStringOf(path)) !== undefined;
    const why = exists ? 'is left out by the ignore file' : 'does not exist';
    return new BuildError('SOURCE_NOT_FOUND', `"${displayText(source)}" ${why}`, {
      origin: 'source',
      suggestion: exists
        ? 'take it back there with a line that begins with "!"'
        : 'paths are relative to the build context, or to the root of the image with --from',
    });
  }
}

function join(directory: ByteString, name: ByteString): ByteString {
  return (directory === '' ? name : `${directory}/${name}`) as ByteString;
}

function textOf(name: ByteString): string {
  return bufferOf(name).toString('utf8');
}
