/**
 * Import architecture: no cycles, no import that the table in CONTRIBUTING.md does not allow, folders only
 * through their index.ts, relative imports with their `.ts`.
 */

import type { Check } from './check.ts';
import { type FolderRule, parseFolderTable } from './folder-table.ts';
import { findCycles, type ImportEdge, importsOf } from './imports.ts';
import type { Project } from './project.ts';

/** Holds the import graph against the table of folders. */
export const architectureCheck: Check = {
  name: 'architecture',
  run(project) {
    const edges = importsOf(project);
    const rules = parseFolderTable(project.read('CONTRIBUTING.md') ?? '');
    const cycles = findCycles(edges);
    return {
      summary: `${edges.length} imports, ${cycles.length} cycles`,
      problems: [
        ...cycles.map((files) => `${files[0]}: import cycle: ${files.join(', ')}`),
        ...edges.flatMap((edge) => edgeProblems(edge, rules, project)),
        ...tableProblems(rules, project),
      ],
    };
  },
};

function edgeProblems(
  { from, to, specifier, place }: ImportEdge,
  rules: readonly FolderRule[],
  project: Project,
): readonly string[] {
  if (to === undefined) return [];
  if (!specifier.endsWith('.ts')) return [`${place}: import does not end in .ts: ${specifier}`];
  if (project.read(to) === undefined)
    return [`${place}: imports what does not exist: ${specifier}`];
  if (!to.startsWith('src/')) return [`${place}: imports what is outside src/: ${specifier}`];
  const [source, target] = [rowOf(from), rowOf(to)];
  if (source === target) return [];
  const allowed = rules.find(({ name }) => name === source)?.mayImport.has(target) ?? false;
  const forbidden = allowed ? [] : [`${place}: ${source} may not import ${target}`];
  const inner = to !== `src/${target}/index.ts` && target.endsWith('.ts') === false;
  return inner
    ? [...forbidden, `${place}: imports an inner file of ${target}: ${specifier}`]
    : forbidden;
}

function tableProblems(rules: readonly FolderRule[], project: Project): readonly string[] {
  const present = new Set(project.sources.map(({ path }) => rowOf(path)));
  const names = rules.map(({ name }) => name);
  return [
    ...[...present]
      .filter((name) => !names.includes(name))
      .map((name) => `CONTRIBUTING.md: src/${name} has no row in the table of folders`),
    ...names
      .filter((name) => !present.has(name))
      .map((name) => `CONTRIBUTING.md: the table names src/${name}, which has no source`),
    ...names.flatMap((name, index) =>
      [...(rules[index]?.mayImport ?? [])]
        .filter((other) => names.indexOf(other) > index)
        .map((other) => `CONTRIBUTING.md: ${name} may import ${other}, which stands below it`),
    ),
  ];
}

/** The row of the table that a source belongs to: its folder below src, or itself. */
function rowOf(path: string): string {
  return path.split('/')[1] ?? '';
}
