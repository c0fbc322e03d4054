/**
 * The tree that is checked: its TypeScript sources, parsed once, and its files under version control.
 * Checks get a project as a value, so that tests can hand them a small one.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import ts from 'typescript';

/** One parsed source file. */
export interface SourceUnit {
  /** Relative to the project, with forward slashes: `src/model/digest.ts`. */
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
}

/** A project on disk. */
export interface Project {
  readonly root: string;
  /** Sources below `src/`. */
  readonly sources: readonly SourceUnit[];
  /** Reads a text file of the project; undefined when it does not exist. */
  read(path: string): string | undefined;
  /** Paths of files below a folder that end in `suffix`. */
  list(folder: string, suffix: string): readonly string[];
  /** Paths of all files that are, or would be, under version control. */
  tracked(): readonly string[];
}

/** Opens the project in a directory. */
export function openProject(root: string): Project {
  const list = (folder: string, suffix: string) =>
    walk(join(root, folder), suffix).map((path) => relative(root, path).split(sep).join('/'));
  return {
    root,
    sources: list('src', '.ts').map((path) => parseUnit(root, path)),
    read: (path) => (existsSync(join(root, path)) ? readText(root, path) : undefined),
    list,
    tracked: () => trackedFiles(root) ?? list('.', ''),
  };
}

/** Counts the lines of a text that are not blank. */
export function countLines(text: string): number {
  return text.split('\n').filter((line) => line.trim() !== '').length;
}

/** Where a node stands, for people and editors: `src/a.ts:12`. */
export function placeOf(unit: SourceUnit, node: ts.Node): string {
  const { line } = unit.tree.getLineAndCharacterOfPosition(node.getStart(unit.tree));
  return `${unit.path}:${line + 1}`;
}

/** Calls `visit` for a node and everything below it. */
export function walkTree(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walkTree(child, visit));
}

function parseUnit(root: string, path: string): SourceUnit {
  const text = readText(root, path);
  return { path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true) };
}

function readText(root: string, path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

function walk(directory: string, suffix: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter(({ name }) => !['node_modules', 'dist', '.git', '.tap'].includes(name))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return walk(path, suffix);
      return entry.isFile() && entry.name.endsWith(suffix) ? [path] : [];
    });
}

function trackedFiles(root: string): readonly string[] | undefined {
  if (!existsSync(join(root, '.git'))) return undefined;
  const output = execFileSync(
    'git',
    [
      '-c',
      `safe.directory=${root}`,
      'ls-files',
      '-z',
      '--cached',
      '--others',
      '--exclude-standard',
    ],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  return output.split('\0').filter((path) => path !== '' && isFile(join(root, path)));
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
