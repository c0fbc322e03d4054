/** Sizes of files and functions of src, in lines that are not blank (CONTRIBUTING.md, "Sizes"). */

import ts from 'typescript';
import type { Check } from './check.ts';
import { countLines, type Project, placeOf, type SourceUnit, walkTree } from './project.ts';

/** A measured thing. */
interface Measured {
  readonly place: string;
  readonly lines: number;
}

/** What is allowed, as CONTRIBUTING.md says it. */
export const limits = {
  file: { median: 90, p90: 250, max: 400 },
  function: { p90: 30, max: 60 },
} as const;

/** Holds files and functions to their limits. */
export const sizesCheck: Check = {
  name: 'sizes',
  run(project) {
    const files = project.sources
      .filter((unit) => !isBarrel(unit.tree))
      .map(({ path, text }) => ({ place: path, lines: countLines(text) }));
    const functions = project.sources.flatMap(functionsOf);
    return {
      summary: `${describe('files', files)}; ${describe('functions', functions)}; ${testRatio(project)}`,
      problems: [
        ...tooLarge('file', files, limits.file.max),
        ...tooLarge('function', functions, limits.function.max),
        ...spread('file', 'median', files, 0.5, limits.file.median),
        ...spread('file', 'p90', files, 0.9, limits.file.p90),
        ...spread('function', 'p90', functions, 0.9, limits.function.p90),
      ],
    };
  },
};

/** Returns the value below or at which `share` of the sizes are; 0 when there are none. */
export function quantile(measured: readonly Measured[], share: number): number {
  const sizes = measured.map(({ lines }) => lines).toSorted((a, b) => a - b);
  return sizes[Math.max(0, Math.ceil(sizes.length * share) - 1)] ?? 0;
}

function describe(what: string, measured: readonly Measured[]): string {
  const max = Math.max(0, ...measured.map(({ lines }) => lines));
  const [median, p90] = [quantile(measured, 0.5), quantile(measured, 0.9)];
  return `${measured.length} ${what}: median ${median}, p90 ${p90}, max ${max}`;
}

function tooLarge(what: string, measured: readonly Measured[], max: number): readonly string[] {
  return measured
    .filter(({ lines }) => lines > max)
    .map(({ place, lines }) => `${place}: ${what} of ${lines} lines, at most ${max} are allowed`);
}

function spread(
  what: string,
  name: string,
  measured: readonly Measured[],
  share: number,
  limit: number,
): readonly string[] {
  const value = quantile(measured, share);
  return value > limit
    ? [`src: ${what} ${name} is ${value} lines, at most ${limit} is allowed`]
    : [];
}

function functionsOf(unit: SourceUnit): readonly Measured[] {
  const found: Measured[] = [];
  walkTree(unit.tree, (node) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return;
    const lines = countLines(node.getText(unit.tree));
    found.push({ place: placeOf(unit, node), lines });
  });
  return found;
}

/** A barrel only re-exports; counting it would make the rest look small. */
function isBarrel(tree: ts.SourceFile): boolean {
  return tree.statements.every(ts.isExportDeclaration);
}

function testRatio(project: Project): string {
  const test = ['test', 'spec-fixtures']
    .flatMap((folder) => project.list(folder, '.ts'))
    .reduce((sum, path) => sum + countLines(project.read(path) ?? ''), 0);
  const source = project.sources.reduce((sum, { text }) => sum + countLines(text), 0);
  return `test:source ${(test / Math.max(1, source)).toFixed(2)} (${test}:${source})`;
}
