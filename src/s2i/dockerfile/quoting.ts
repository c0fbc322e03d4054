/** Text as words of Dockerfiles and of the shell in them. */

import { BuildError } from '../../errors/index.ts';
import { displayText } from '../../model/index.ts';
import { variableName } from '../environment.ts';

/**
 * Quotes a word so that a Dockerfile takes it as it is, without expanding anything.
 *
 * @throws BuildError `DOCKERFILE_INVALID` for line breaks, which cannot be written there
 */
export function quoteWord(text: string): string {
  rejectLineBreaks(text);
  return `"${text.replace(/["\\$]/g, '\\$&')}"`;
}

/** Returns a word of the shell that means the text. */
export function shellWord(text: string): string {
  rejectLineBreaks(text);
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The lines of one ENV instruction; none without variables. */
export function envInstruction(environment: readonly string[]): readonly string[] {
  const pairs = environment.map((entry) => {
    const name = variableName(entry);
    return `${plainWord(name, 'the name of a variable')}=${quoteWord(entry.slice(name.length + 1))}`;
  });
  return pairs.length === 0 ? [] : [`ENV ${pairs.join(' \\\n    ')}`];
}

/** The lines of one LABEL instruction; none without labels. */
export function labelInstruction(labels: Readonly<Record<string, string>>): readonly string[] {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${quoteWord(name)}=${quoteWord(value)}`,
  );
  return pairs.length === 0 ? [] : [`LABEL ${pairs.join(' \\\n      ')}`];
}

/** A COPY instruction, in JSON form where a path would otherwise be taken apart. */
export function copyInstruction(flags: readonly string[], from: string, to: string): string {
  rejectLineBreaks(from + to);
  const plain = /^[A-Za-z0-9_./:@%+=,-]+$/;
  const paths =
    plain.test(from) && plain.test(to)
      ? `${from} ${to}`
      : JSON.stringify([literal(from), literal(to)]);
  return ['COPY', ...flags, paths].join(' ');
}

/** A value that stands in an instruction unquoted, such as an image or a user. */
export function plainWord(text: string, what: string): string {
  if (/^[A-Za-z0-9_./:@%+=,[\]-]+$/.test(text)) return text;
  throw new BuildError(
    'DOCKERFILE_INVALID',
    `${what} cannot be written into a Dockerfile: "${displayText(text.slice(0, 200))}"`,
  );
}

/** Variables are expanded in COPY even within its JSON form. */
function literal(path: string): string {
  return path.replace(/[\\$]/g, '\\$&');
}

function rejectLineBreaks(text: string): void {
  if (!/[\r\n\0]/.test(text)) return;
  throw new BuildError(
    'DOCKERFILE_INVALID',
    `a line break cannot be written into a Dockerfile: "${displayText(text.slice(0, 200))}"`,
  );
}
