/**
 * Where COPY and ADD put what they take, by the rules of BuildKit: a directory gives its content, a file goes into
 * a destination that is a directory or ends with a slash, and becomes the destination otherwise.
 */

import { type Draft, type EntryFacts, impliedDirectory, type TreeNode } from '../../layer/index.ts';
import { type ByteString, byteStringOf } from '../../model/index.ts';
import type { ModeChange } from './mode.ts';
import type { Selected } from './select.ts';

/** What entries become on their way. */
export interface PlaceOptions {
  /** Absolute; a slash at its end means a directory. */
  readonly destination: string;
  /** Everything belongs to it; what is copied keeps its own owner when absent. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly mode?: ModeChange;
  /** Gives a modification time the value that it has in the layer. */
  readonly time: (mtime: bigint) => bigint;
  /** Modification time of directories that are made, nanoseconds. */
  readonly epoch: bigint;
  /** Keeps the path of each source below the destination. */
  readonly parents: boolean;
}

type DraftName = ReturnType<Draft['place']>;
type DraftDirectory = ReturnType<Draft['directory']>;

/** Places into one draft. */
export class Placer {
  readonly #draft: Draft;
  readonly #options: PlaceOptions;
  readonly #destination: ByteString;
  readonly #names = new Map<unknown, DraftName>();

  constructor(draft: Draft, options: PlaceOptions) {
    this.#draft = draft;
    this.#options = options;
    this.#destination = byteStringOf(options.destination);
  }

  /** Makes the destination a directory and returns it. */
  directory(): DraftDirectory {
    return this.#draft.directory(this.#destination, this.made());
  }

  /** Path of a directory of the draft, as it is without symlinks. */
  path(directory: DraftDirectory): ByteString {
    return this.#draft.path(directory);
  }

  /** Facts of directories that nothing was copied for. */
  made(): EntryFacts {
    const { owner = { uid: 0, gid: 0 }, epoch } = this.#options;
    return { ...impliedDirectory, ...owner, mtime: epoch };
  }

  /** Facts of an entry in the layer. */
  facts({ facts }: TreeNode): EntryFacts {
    const { owner, mode, time } = this.#options;
    const isDirectory = facts.type === 'directory';
    const changes = mode !== undefined && facts.type !== 'symlink';
    return {
      ...facts,
      ...owner,
      mode: changes ? mode(facts.mode, isDirectory) : facts.mode,
      mtime: time(facts.mtime),
    };
  }

  /** Places one selected file or directory; `isOneOfMany` makes the destination a directory. */
  place(selected: Selected, pivot: ByteString, isOneOfMany: boolean): void {
    // Files that were named each for itself become files each for itself.
    this.#names.clear();
    if (this.#options.parents) this.#placeWithParents(selected, pivot);
    else if (selected.node.facts.type === 'directory')
      this.#placeContent(this.#destination, selected);
    else this.#placeFile(selected, isOneOfMany);
  }

  #placeFile({ path, node }: Selected, isOneOfMany: boolean): void {
    const existing = this.#draft.find(this.#destination);
    const intoDirectory =
      isOneOfMany || /\/\.?$/.test(this.#destination) || existing?.inode.type === 'directory';
    if (intoDirectory) this.#leaf(this.directory(), baseOf(path), node);
    else if (existing?.parent !== undefined) this.#leaf(existing.parent, existing.name, node);
    else {
      const parent = this.#draft.directory(parentOf(this.#destination), this.made());
      this.#leaf(parent, baseOf(this.#destination), node);
    }
  }

  #placeWithParents({ path, node, content }: Selected, pivot: ByteString): void {
    const kept = path.slice(pivot.length).replace(/^\//, '') as ByteString;
    const target = join(this.#destination, kept);
    if (node.facts.type === 'directory') {
      this.#directory(target, node);
      this.#placeContent(target, { path, node, content });
    } else {
      const parent = this.#draft.directory(parentOf(target), this.made());
      this.#leaf(parent, baseOf(target), node);
    }
  }

  #placeContent(target: ByteString, { content }: Selected): void {
    this.#draft.directory(target, this.made());
    for (const { path, node } of content) {
      const place = join(target, path);
      if (node.facts.type === 'directory') this.#directory(place, node);
      else this.#leaf(this.#parent(place), baseOf(place), node);
    }
  }

  #directory(place: ByteString, node: TreeNode): void {
    this.#draft.placeDirectory(this.#parent(place), baseOf(place), this.facts(node));
  }

  #parent(place: ByteString): DraftDirectory {
    return this.#draft.directory(parentOf(place), this.made());
  }

  /** Names of one file stay names of one file. */
  #leaf(parent: DraftDirectory, name: ByteString, node: TreeNode): void {
    const known = node.identity === undefined ? undefined : this.#names.get(node.identity);
    if (known !== undefined) this.#draft.link(parent, name, known);
    else {
      const placed = this.#draft.place(parent, name, this.facts(node), node.content);
      if (node.identity !== undefined) this.#names.set(node.identity, placed);
    }
  }
}

function join(directory: ByteString, path: ByteString): ByteString {
  return `${directory.replace(/\/+$/, '')}/${path}` as ByteString;
}

function parentOf(path: ByteString): ByteString {
  return path.replace(/\/+$/, '').replace(/[^/]*$/, '') as ByteString;
}

function baseOf(path: ByteString): ByteString {
  const trimmed = path.replace(/\/+$/, '');
  return trimmed.slice(trimmed.lastIndexOf('/') + 1) as ByteString;
}
