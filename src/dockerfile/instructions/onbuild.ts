/** ONBUILD: an instruction that is kept for whoever builds on the image. */

import { nearest } from '../../errors/index.ts';
import { problem, type ReadContext, shown, writtenOf } from '../context.ts';
import type { Statement } from '../lines.ts';
import type { OnbuildInstruction } from '../types.ts';

const forbidden = new Set(['ONBUILD', 'FROM', 'MAINTAINER']);

/** Reads ONBUILD; `check` reads the instruction behind it as it would be read on its own. */
export function parseOnbuild(
  statement: Statement,
  context: ReadContext,
  check: (trigger: Statement) => void,
): OnbuildInstruction | undefined {
  const trigger = triggerOf(statement);
  if (forbidden.has(trigger.keyword))
    return problem(context, statement, `${trigger.keyword} cannot be a trigger`);
  if (statement.heredocs.length > 0)
    return problem(context, statement, 'a here-document cannot be kept in an image', {
      suggestion: 'put the text into a file, or write the command in one line',
    });
  check(trigger);
  return { kind: 'onbuild', ...writtenOf(statement), trigger: statement.rest };
}

/** Says what an unknown keyword may have been meant as. */
export function unknownKeyword(
  statement: Statement,
  context: ReadContext,
  keywords: readonly string[],
): undefined {
  const guess = nearest(statement.keyword, keywords);
  context.problems.add(
    statement.position,
    `there is no instruction ${shown(statement.keyword)}`,
    guess === undefined ? undefined : `did you mean ${guess}?`,
  );
  return undefined;
}

function triggerOf(statement: Statement): Statement {
  const { rest } = statement;
  const keyword = /^\S*/.exec(rest)?.[0] ?? '';
  const space = /^\s*/.exec(rest.slice(keyword.length))?.[0] ?? '';
  const skipped = keyword.length + space.length;
  return {
    ...statement,
    keyword: keyword.toUpperCase(),
    original: rest,
    rest: rest.slice(skipped),
    locate: (offset) => statement.locate(offset + skipped),
    position: statement.locate(0),
  };
}
