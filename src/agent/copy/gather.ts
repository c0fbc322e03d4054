/** Turns the sources of COPY and ADD into what they hold, in order. */

import { lstatSync } from 'node:fs';
import { posix } from 'node:path';
import { BuildError } from '../../errors/index.ts';
import { DiskTree, type EntryFacts, impliedDirectory, StoredTree } from '../../layer/index.ts';
import { type ByteString, byteStringOf } from '../../model/index.ts';
import { compileIgnore, type IgnoreMatcher } from '../../source/index.ts';
import type { Store } from '../../store/index.ts';
import type { CopySelection, CopySource } from '../protocol.ts';
import { type Selected, Selector } from './select.ts';

/** Something that a source named. */
export interface Gathered extends Selected {
  /** With `--parents`: how much of its path is not kept. */
  readonly pivot: ByteString;
  /** Whether it is unpacked when it is an archive. */
  readonly unpack: boolean;
  /** Whether its modification time says something about its content. */
  readonly timed: boolean;
}

/**
 * Returns everything that is selected. Contents are not read.
 *
 * @param mtime what files of directories and heredocs say instead of their own modification time
 * @throws BuildError `SOURCE_NOT_FOUND`, `DOCKERFILE_INVALID`, `PATH_UNSAFE`, `STORE_DAMAGED`
 */
export async function gather(
  store: Store,
  selection: CopySelection,
  mtime?: bigint,
): Promise<readonly Gathered[]> {
  const excluded =
    selection.exclude.length === 0 ? undefined : compileIgnore(excludeRules(selection.exclude));
  const gathered: Gathered[] = [];
  for (const source of selection.sources)
    gathered.push(...(await gatherOne(store, source, excluded, mtime)));
  return gathered;
}

function excludeRules(exclude: readonly string[]) {
  const patterns = exclude.map((text) => {
    const negated = text.startsWith('!');
    const pattern = posix.normalize(`/${negated ? text.slice(1) : text}`).replace(/^\/|\/$/g, '');
    return { pattern, negated };
  });
  return { file: { syntax: 'dockerignore' as const, patterns }, exclude: '' };
}

async function gatherOne(
  store: Store,
  source: CopySource,
  excluded: IgnoreMatcher | undefined,
  mtime: bigint | undefined,
): Promise<readonly Gathered[]> {
  const rules = excluded === undefined ? {} : { excluded };
  switch (source.kind) {
    case 'directory': {
      const ignored = source.ignore === undefined ? {} : { ignored: compileIgnore(source.ignore) };
      const selector = new Selector(new DiskTree(source.path, mtime), { ...rules, ...ignored });
      return selectAll(selector, source.patterns, { unpack: source.unpack, timed: false });
    }
    case 'rootfs': {
      const stored = await store.rootfs.find(source.key);
      if (stored === undefined)
        throw new BuildError('STORE_DAMAGED', `root file system ${source.key} is gone`);
      const selector = new Selector(await StoredTree.open(stored.path), rules);
      return selectAll(selector, source.patterns, { unpack: false, timed: true });
    }
    case 'download':
      return [download(source)];
    case 'text':
      return [text(source, mtime ?? 0n)];
  }
}

function selectAll(
  selector: Selector,
  patterns: readonly string[],
  kind: Pick<Gathered, 'unpack' | 'timed'>,
): readonly Gathered[] {
  return patterns.flatMap((pattern) => {
    const cut = pattern.replace(/^\/+/, '').indexOf('/./');
    const before = cut === -1 ? '' : pattern.replace(/^\/+/, '').slice(0, cut);
    const pivot = byteStringOf(posix.normalize(`/${before}`).slice(1));
    return selector.select(pattern).map((selected) => ({ ...selected, ...kind, pivot }));
  });
}

const plainFile: EntryFacts = { ...impliedDirectory, type: 'file', mode: 0o644 };

const noPivot = '' as ByteString;

function download({ path, name, unpack, mtime }: Extract<CopySource, { kind: 'download' }>) {
  const { size } = lstatSync(path);
  const facts = { ...plainFile, mode: 0o600, size, mtime };
  const node = { facts, content: { path } };
  return {
    ...{ path: byteStringOf(name), node, content: [], pivot: noPivot },
    ...{ unpack, timed: true },
  };
}

function text({ name, content }: Extract<CopySource, { kind: 'text' }>, mtime: bigint) {
  const bytes = Buffer.from(content, 'utf8');
  const node = { facts: { ...plainFile, size: bytes.length, mtime }, content: bytes };
  return {
    ...{ path: byteStringOf(name), node, content: [], pivot: noPivot },
    ...{ unpack: false, timed: false },
  };
}
