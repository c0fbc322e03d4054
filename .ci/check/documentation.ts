/** Comments: every module opens with one, every export has a docstring. */

import ts from 'typescript';
import type { Check } from './check.ts';
import { placeOf, type SourceUnit } from './project.ts';

/** Holds every source file to its comments. */
export const documentationCheck: Check = {
  name: 'documentation',
  run({ sources }) {
    const exported = sources.map((unit) => ({ unit, declarations: exportsOf(unit.tree) }));
    const count = exported.reduce((sum, { declarations }) => sum + declarations.length, 0);
    return {
      summary: `${count} exports of ${sources.length} modules`,
      problems: exported.flatMap(({ unit, declarations }) => [
        ...(hasHeader(unit.text) ? [] : [`${unit.path}:1: has no header comment`]),
        ...undocumented(unit, declarations),
      ]),
    };
  },
};

/** A declaration that is exported under a name; overloads are several of one name. */
interface Exported {
  readonly name: string;
  readonly node: ts.Node;
}

function hasHeader(text: string): boolean {
  const body = text.startsWith('#!') ? text.slice(text.indexOf('\n') + 1) : text;
  return /^\/\*\*\s*(?:\*\s*)?[^\s*/]/.test(body.trimStart());
}

function undocumented(unit: SourceUnit, declarations: readonly Exported[]): readonly string[] {
  const documented = new Set(
    declarations.filter(({ node }) => hasDocstring(node, unit)).map(({ name }) => name),
  );
  return declarations
    .filter(({ name }) => !documented.has(name))
    .map(({ name, node }) => `${placeOf(unit, node)}: export ${name} has no docstring`);
}

/** The first comment of a file is its header, so the first statement needs one more. */
function hasDocstring(node: ts.Node, unit: SourceUnit): boolean {
  const comments = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const header = /\/\*\*/.exec(unit.text)?.index;
  return comments.some((comment) => comment.getStart() !== header && hasText(comment));
}

function hasText({ comment }: ts.JSDoc): boolean {
  return (ts.getTextOfJSDocComment(comment) ?? '').trim() !== '';
}

function exportsOf(tree: ts.SourceFile): readonly Exported[] {
  const named = new Set(tree.statements.flatMap(localExportNames));
  return tree.statements.flatMap((statement) => {
    const direct = ts.canHaveModifiers(statement) && isExported(statement);
    return declarationsOf(statement).filter(({ name }) => direct || named.has(name));
  });
}

function isExported(statement: ts.HasModifiers): boolean {
  const modifiers = ts.getModifiers(statement) ?? [];
  return modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
}

function declarationsOf(statement: ts.Statement): readonly Exported[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map((node) => ({
      name: node.name.getText(),
      node: statement,
    }));
  }
  const declared =
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isEnumDeclaration(statement);
  return declared ? [{ name: statement.name?.text ?? 'default', node: statement }] : [];
}

/** Names of `export { a, b as c }` without a module: local declarations that are exported elsewhere. */
function localExportNames(statement: ts.Statement): readonly string[] {
  if (!ts.isExportDeclaration(statement) || statement.moduleSpecifier !== undefined) return [];
  const { exportClause } = statement;
  if (exportClause === undefined || !ts.isNamedExports(exportClause)) return [];
  return exportClause.elements.map(({ propertyName, name }) => (propertyName ?? name).text);
}
