/**
 * Finds out which directories of a root file system nothing else in it refers to, so that they can be left
 * out of a layer.
 *
 * A reference is a symbolic link from outside that leads into the directory, or a line in one of the text
 * files by which Python finds packages (`*.pth`, `*.egg-link`). References from a directory that is
 * itself left out do not count.
 */

import * as fs from 'node:fs';
import { posix } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { resolveInRoot } from '../../layer/index.ts';
import type { AgentOperations } from '../protocol.ts';

type Request = Pick<AgentOperations['findLeavable']['input'], 'trees' | 'kept'> & {
  /** Directories that are no part of the image. */
  readonly foreign?: readonly string[];
};
type LeavableTree = AgentOperations['findLeavable']['result'][number];

/** A candidate, as the walk sees it. */
interface Candidate {
  /** As asked for. */
  readonly path: string;
  /** Without symbolic links, as the container sees it. */
  readonly real: string;
  readonly size: { files: number; bytes: number };
}

/** Something at `from` that leads into a candidate. */
interface Link {
  readonly from: string;
  readonly to: Candidate;
}

const kernelTrees = ['/proc', '/sys', '/dev'];
const maxTextBytes = 65_536;

/** Returns those of `trees` that exist and can be left out; what is in `kept` stays, with all it refers to. */
export async function findLeavable(
  root: string,
  request: Request,
  signal: AbortSignal,
): Promise<readonly LeavableTree[]> {
  const all = candidates(root, request.trees);
  const foreign = new Set([...kernelTrees, ...(request.foreign ?? [])]);
  const links = await readLinks(root, all, foreign, signal);
  const kept = new Set(all.filter(({ path }) => request.kept.includes(path)));
  for (let before = -1; before !== kept.size; ) {
    before = kept.size;
    for (const { from, to } of links) {
      const home = all.find(({ real }) => isWithin(from, real));
      if (home !== to && (home === undefined || kept.has(home))) kept.add(to);
    }
  }
  return all
    .filter((candidate) => !kept.has(candidate))
    .map(({ real, size }) => ({ path: real, ...size }));
}

function candidates(root: string, trees: readonly string[]): readonly Candidate[] {
  return trees.flatMap((path) => {
    const { path: found } = resolveInRoot(root, path, { makeDirectories: false });
    const real = found.slice(root.replace(/\/+$/, '').length);
    const isDirectory = fs.lstatSync(found, { throwIfNoEntry: false })?.isDirectory() === true;
    return isDirectory && real !== '' ? [{ path, real, size: { files: 0, bytes: 0 } }] : [];
  });
}

/** Reads the whole tree once: links are looked for, and what lies in candidates is counted. */
async function readLinks(
  root: string,
  all: readonly Candidate[],
  foreign: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly Link[]> {
  const links: Link[] = [];
  const directories = all.length === 0 ? [] : ['/'];
  for (let at = directories.pop(); at !== undefined; at = directories.pop()) {
    await setImmediate();
    signal.throwIfAborted();
    for (const entry of entriesOf(root, at)) {
      const path = posix.join(at, entry.name);
      if (!entry.isDirectory()) links.push(...readLeaf(root, entry, path, all));
      else if (!foreign.has(path)) directories.push(path);
    }
  }
  return links;
}

/** Counts what lies in a candidate, and returns what leads into one. */
function readLeaf(
  root: string,
  entry: fs.Dirent,
  path: string,
  all: readonly Candidate[],
): readonly Link[] {
  const home = all.find(({ real }) => isWithin(path, real));
  if (home !== undefined) count(root, path, home);
  const targets = entry.isSymbolicLink()
    ? [linkTarget(root, path)]
    : textTargets(root, entry, path);
  return targets.flatMap((target) => {
    const to = all.find(
      ({ real, path: given }) => isWithin(target, real) || isWithin(target, given),
    );
    return to === undefined ? [] : [{ from: path, to }];
  });
}

/** Under a single id there may be directories that even their owner cannot read; no layer holds their content. */
function entriesOf(root: string, directory: string): readonly fs.Dirent[] {
  try {
    return fs.readdirSync(posix.join(root, directory), { withFileTypes: true });
  } catch {
    return [];
  }
}

function linkTarget(root: string, path: string): string {
  return posix.resolve(posix.dirname(path), fs.readlinkSync(posix.join(root, path)));
}

function textTargets(root: string, entry: fs.Dirent, path: string): readonly string[] {
  if (!entry.isFile() || !/\.(?:pth|egg-link)$/.test(entry.name)) return [];
  const full = posix.join(root, path);
  if (fs.lstatSync(full).size > maxTextBytes) return [];
  const lines = fs.readFileSync(full, 'utf8').split('\n');
  return lines.filter((line) => line.startsWith('/')).map((line) => posix.resolve(line.trim()));
}

function count(root: string, path: string, { size }: Candidate): void {
  size.files += 1;
  size.bytes += fs.lstatSync(posix.join(root, path)).size;
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
