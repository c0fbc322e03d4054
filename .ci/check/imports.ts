/** The import graph of the sources: who refers to whom, statically, dynamically or in a type. */

import { posix } from 'node:path';
import ts from 'typescript';
import { type Project, placeOf, type SourceUnit, walkTree } from './project.ts';

/** One reference from a source file to another module. */
export interface ImportEdge {
  readonly from: string;
  /** As written. */
  readonly specifier: string;
  /** Path of the module in the project; undefined for packages and builtins. */
  readonly to: string | undefined;
  readonly place: string;
  /** When it is loaded: with the file, when a call wants it, or never, because it is only a type. */
  readonly loaded: 'at once' | 'on demand' | 'never';
}

/** Lists every import of the sources. */
export function importsOf(project: Project): readonly ImportEdge[] {
  return project.sources.flatMap((unit) => importsOfUnit(unit));
}

function importsOfUnit(unit: SourceUnit): readonly ImportEdge[] {
  const edges: ImportEdge[] = [];
  walkTree(unit.tree, (node) => {
    const literal = specifierOf(node);
    if (literal === undefined || !ts.isStringLiteralLike(literal)) return;
    const specifier = literal.text;
    const relative = specifier.startsWith('.');
    const to = relative ? posix.join(posix.dirname(unit.path), specifier) : undefined;
    const place = placeOf(unit, literal);
    edges.push({ from: unit.path, specifier, to, place, loaded: loadedWhen(node) });
  });
  return edges;
}

function specifierOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
    return node.argument.literal;
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return node.arguments[0];
  }
  return undefined;
}

function loadedWhen(node: ts.Node): ImportEdge['loaded'] {
  if (ts.isCallExpression(node)) return 'on demand';
  if (ts.isImportTypeNode(node)) return 'never';
  if (ts.isImportDeclaration(node)) return node.importClause?.isTypeOnly ? 'never' : 'at once';
  return ts.isExportDeclaration(node) && node.isTypeOnly ? 'never' : 'at once';
}

/** Finds the import cycles: groups of files that reach each other, each as its sorted paths. */
export function findCycles(
  edges: readonly Pick<ImportEdge, 'from' | 'to'>[],
): readonly (readonly string[])[] {
  const graph = new Map<string, Set<string>>();
  for (const { from, to } of edges) {
    if (to === undefined) continue;
    graph.set(from, (graph.get(from) ?? new Set()).add(to));
  }
  return stronglyConnected(graph)
    .filter((group) => group.length > 1 || graph.get(group[0] ?? '')?.has(group[0] ?? ''))
    .map((group) => group.toSorted());
}

/** Tarjan's algorithm. */
function stronglyConnected(graph: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const groups: string[][] = [];
  const visit = (node: string): void => {
    const index = order.size;
    order.set(node, index);
    low.set(node, index);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node) ?? 0, low.get(next) ?? 0));
    }
    if (low.get(node) === index) groups.push(stack.splice(stack.indexOf(node)));
  };
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return groups;
}
