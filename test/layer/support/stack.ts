/** Random stacks of layers, and what they mean according to a model that is simple enough to trust. */

import { fc } from '../../support/property.ts';
import { dir, file, layer, link, symlink } from './archive.ts';

/** One entry of a layer. */
export type Operation =
  | {
      readonly kind: 'file' | 'dir' | 'symlink' | 'whiteout' | 'opaque';
      readonly path: string;
      readonly seed: number;
    }
  | { readonly kind: 'link'; readonly path: string; readonly to: string; readonly seed: number };

const name = fc.constantFrom('a', 'b', 'c', 'd');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
const seed = fc.nat(999);

const simple = (kind: Exclude<Operation['kind'], 'link'>): fc.Arbitrary<Operation> =>
  fc.record({ kind: fc.constant(kind), path, seed });

const anyLink: fc.Arbitrary<Operation> = fc.record({
  ...{ kind: fc.constant('link' as const), path, to: path, seed },
});

const operation = (symlinkWeight: number): fc.Arbitrary<Operation> =>
  fc.oneof(
    { weight: 4, arbitrary: simple('file') },
    { weight: 4, arbitrary: simple('dir') },
    { weight: symlinkWeight, arbitrary: simple('symlink') },
    { weight: 2, arbitrary: anyLink },
    { weight: 2, arbitrary: simple('whiteout') },
    { weight: 1, arbitrary: simple('opaque') },
  );

const stackOf = (each: fc.Arbitrary<Operation>) =>
  fc.array(fc.array(each, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 });

/** A stack of one to four layers, some of whose operations may be impossible. */
export const anyStack = stackOf(operation(1));

/** A stack without symlinks: what a path means does not depend on when it is looked at. */
export const plainStack = stackOf(operation(0));

/** A file, symlink or directory of the model. */
interface Node {
  readonly kind: 'file' | 'symlink' | 'directory';
  /** What the entry said; of an implied directory nothing. */
  seed: number | undefined;
  readonly children: Map<string, Slot>;
}

/** A name, and the layer that gave it. */
interface Slot {
  readonly node: Node;
  readonly layer: number;
}

function impliedDirectory(): Node {
  return { kind: 'directory', seed: undefined, children: new Map() };
}

/** A root file system as the specification describes it: first all removals of a layer, then its entries. */
export class Model {
  readonly #root = impliedDirectory();
  readonly #isLenient: boolean;
  #layer = 0;

  /**
   * Lenient as we are: a file of a lower layer gives way to what is below its name, and a link to itself
   * does nothing. Otherwise both count as impossible.
   */
  constructor(isLenient = true) {
    this.#isLenient = isLenient;
  }

  /** Applies the operations of a layer and returns those that were possible. */
  apply(operations: readonly Operation[]): readonly Operation[] {
    this.#layer += 1;
    const removals = operations.filter(isRemoval);
    for (const removal of removals) this.#remove(removal);
    return [...removals, ...operations.filter((each) => !isRemoval(each) && this.#place(each))];
  }

  /** Lists kind, seed and names, path by path; names of one file share their first path. */
  list(): Map<string, string> {
    const lines = new Map<string, string>();
    const first = new Map<Node, string>();
    const visit = ({ children }: Node, prefix: string) => {
      for (const [base, { node }] of [...children].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const at = `${prefix}${base}`;
        const known = first.get(node);
        if (known === undefined) first.set(node, at);
        lines.set(at, known === undefined ? `${node.kind} ${node.seed}` : `= ${known}`);
        visit(node, `${at}/`);
      }
    };
    visit(this.#root, '');
    return lines;
  }

  #remove({ kind, path: at }: Operation): void {
    if (kind === 'opaque') this.#find(at)?.children.clear();
    else this.#find(parentOf(at))?.children.delete(baseOf(at));
  }

  #place(each: Operation): boolean {
    const target = each.kind === 'link' ? this.#find(each.to) : undefined;
    if (each.kind === 'link') {
      if (each.to === each.path && !this.#isLenient) return false;
      if (target === undefined || target.kind === 'directory') return false;
      if (each.to.startsWith(`${each.path}/`) || each.path.startsWith(`${each.to}/`)) return false;
    }
    const parent = this.#make(parentOf(each.path));
    if (parent === undefined) return false;
    const existing = parent.children.get(baseOf(each.path))?.node;
    const node = target ?? this.#nodeFor(each, existing);
    parent.children.set(baseOf(each.path), { node, layer: this.#layer });
    return true;
  }

  #nodeFor(each: Operation, existing: Node | undefined): Node {
    const kind = each.kind === 'dir' ? 'directory' : (each.kind as 'file' | 'symlink');
    if (kind !== 'directory' || existing?.kind !== 'directory')
      return { kind, seed: each.seed, children: new Map() };
    existing.seed = each.seed;
    return existing;
  }

  #find(at: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const part of parts(at)) node = node?.children.get(part)?.node;
    return node;
  }

  /** Returns the directory, making what is missing; undefined when something else is in the way. */
  #make(at: string): Node | undefined {
    const additions: (() => void)[] = [];
    let node = this.#root;
    for (const part of parts(at)) {
      const here = node;
      const found = here.children.get(part);
      const isLowerFile = found?.node.kind === 'file' && found.layer < this.#layer;
      const slot =
        found === undefined || (isLowerFile && this.#isLenient)
          ? { node: impliedDirectory(), layer: this.#layer }
          : found;
      if (slot.node.kind !== 'directory') return undefined;
      additions.push(() => here.children.set(part, slot));
      node = slot.node;
    }
    for (const add of additions) add();
    return node;
  }
}

/** Writes operations as a layer. Seeds become modes, so that attributes can be told apart. */
export function layerOf(operations: readonly Operation[]): Buffer {
  return layer(...operations.map(entryOf));
}

/** The mode that stands for a seed. */
export function modeOf(seedNumber: number): number {
  return 0o700 + (seedNumber % 64);
}

function entryOf(each: Operation): Buffer {
  const mode = modeOf(each.seed);
  switch (each.kind) {
    case 'file':
      return file(each.path, `${each.seed}`, { mode });
    case 'dir':
      return dir(each.path, { mode });
    case 'symlink':
      return symlink(each.path, `/nowhere/${each.seed}`);
    case 'link':
      return link(each.path, each.to);
    case 'whiteout':
      return file(`${parentOf(each.path)}/.wh.${baseOf(each.path)}`);
    case 'opaque':
      return file(`${each.path}/.wh..wh..opq`);
  }
}

function isRemoval({ kind }: Operation): boolean {
  return kind === 'whiteout' || kind === 'opaque';
}

function parts(at: string): string[] {
  return at.split('/').filter((part) => part !== '');
}

function parentOf(at: string): string {
  return at.slice(0, Math.max(at.lastIndexOf('/'), 0));
}

function baseOf(at: string): string {
  return at.slice(at.lastIndexOf('/') + 1);
}
