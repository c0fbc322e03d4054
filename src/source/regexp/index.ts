/** Regular expressions in RE2's syntax that match in linear time. */

import { BuildError } from '../../errors/index.ts';
import { compile, PatternTooLarge } from './node.ts';
import { RegexpParser } from './parser.ts';
import { type Program, search } from './program.ts';
import { PatternSyntaxError, Scanner } from './scanner.ts';

const maxLength = 4096;
const maxSteps = 20_000;

/** A compiled expression. */
export interface LinearRegexp {
  /** Tells whether some part of the text matches. */
  test(text: string): boolean;
}

/**
 * Compiles an expression.
 *
 * @param what names the place in messages, such as `--exclude`
 * @throws BuildError `USAGE_INVALID`
 */
export function parseRegexp(text: string, what: string): LinearRegexp {
  const program = programOf(text, what);
  return { test: (subject) => search(program, subject) };
}

function programOf(text: string, what: string): Program {
  if (text.length > maxLength) fail(what, `it is longer than ${maxLength} characters`);
  try {
    return compile(new RegexpParser(new Scanner(text)).parse(), maxSteps);
  } catch (error) {
    if (error instanceof PatternSyntaxError) fail(what, error.message);
    if (error instanceof PatternTooLarge) fail(what, 'its repetitions make it too large');
    throw error;
  }
}

function fail(what: string, why: string): never {
  throw new BuildError('USAGE_INVALID', `${what} is not a regular expression: ${why}`, {
    suggestion:
      'see https://github.com/google/re2/wiki/Syntax; back references and look-around do not exist there',
  });
}
