/**
 * No `process` and no `console` outside cli/ and the entry files of programs, neither as import. The one
 * exception is `import { kill } from 'node:process'`: a system call that has no other name.
 */

import ts from 'typescript';
import type { Check } from './check.ts';
import { placeOf, type SourceUnit, walkTree } from './project.ts';

const guarded = ['process', 'console'] as const;

/** Finds uses of the process-wide objects where they may not be used. */
export const globalsCheck: Check = {
  name: 'globals',
  run({ sources }) {
    const bound = sources.filter(({ path }) => !mayUseGlobals(path));
    return {
      summary: `${bound.length} modules without process and console`,
      problems: bound.flatMap(usesOf),
    };
  },
};

/** Tells whether a source is part of the outermost layer: cli/ or an entry file. */
export function mayUseGlobals(path: string): boolean {
  return path.startsWith('src/cli/') || /\/(?:[a-z0-9-]+-)?main\.ts$/.test(path);
}

function usesOf(unit: SourceUnit): readonly string[] {
  const problems: string[] = [];
  walkTree(unit.tree, (node) => {
    const what = importedGlobal(node) ?? usedGlobal(node);
    if (what !== undefined) problems.push(`${placeOf(unit, node)}: uses ${what}`);
  });
  return problems;
}

function importedGlobal(node: ts.Node): string | undefined {
  if (!ts.isImportDeclaration(node) || !ts.isStringLiteral(node.moduleSpecifier)) return undefined;
  const name = node.moduleSpecifier.text.replace(/^node:/, '');
  const global = guarded.find((one) => one === name);
  return importsOnlyKill(node) ? undefined : global;
}

function importsOnlyKill({ importClause }: ts.ImportDeclaration): boolean {
  const bindings = importClause?.namedBindings;
  if (importClause?.name !== undefined || bindings === undefined) return false;
  if (!ts.isNamedImports(bindings)) return false;
  return bindings.elements.every(
    ({ propertyName, name }) => (propertyName ?? name).text === 'kill',
  );
}

function usedGlobal(node: ts.Node): string | undefined {
  if (!ts.isIdentifier(node)) return undefined;
  const name = guarded.find((global) => global === node.text);
  if (name === undefined || !isReference(node) || isDeclaredAround(node, name)) return undefined;
  return name;
}

/** A name behind a dot, in a type, or that names a property or a declaration refers to no global. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) {
    return parent.expression === node || parent.expression.getText() === 'globalThis';
  }
  if (ts.isShorthandPropertyAssignment(parent)) return true;
  const named = (parent as { name?: ts.Node }).name === node;
  const label = (parent as { propertyName?: ts.Node }).propertyName === node;
  return !(named || label || ts.isQualifiedName(parent) || ts.isTypeReferenceNode(parent));
}

/** Whether a parameter or variable of that name is in scope, which then is what is meant. */
function isDeclaredAround(node: ts.Node, name: string): boolean {
  for (let scope = node.parent; scope !== undefined; scope = scope.parent) {
    if (declaredIn(scope).includes(name)) return true;
  }
  return false;
}

function declaredIn(scope: ts.Node): readonly string[] {
  if (ts.isFunctionLike(scope)) return scope.parameters.flatMap(({ name }) => namesOf(name));
  if (ts.isForOfStatement(scope) || ts.isForStatement(scope)) {
    const { initializer } = scope;
    const list = initializer !== undefined && ts.isVariableDeclarationList(initializer);
    return list ? initializer.declarations.flatMap(({ name }) => namesOf(name)) : [];
  }
  if (!ts.isBlock(scope) && !ts.isSourceFile(scope)) return [];
  return scope.statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => declarationList.declarations)
    .flatMap(({ name }) => namesOf(name));
}

function namesOf(name: ts.BindingName): readonly string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) =>
    ts.isOmittedExpression(element) ? [] : namesOf(element.name),
  );
}
