/** `--chmod`: octal permissions, or symbolic changes as chmod(1) takes them. */

import { BuildError } from '../../errors/index.ts';
import { displayText } from '../../model/index.ts';

/** Turns the permissions of an entry into those it gets. */
export type ModeChange = (mode: number, isDirectory: boolean) => number;

const classes: Readonly<Record<string, number>> = { u: 0o4700, g: 0o2070, o: 0o1007 };

/**
 * Parses the value of `--chmod`.
 *
 * @throws BuildError `DOCKERFILE_INVALID`
 */
export function parseModeChange(text: string): ModeChange {
  if (/^[0-7]{1,4}$/.test(text)) {
    const mode = Number.parseInt(text, 8);
    return () => mode;
  }
  const clauses = text.split(',').map((clause) => parseClause(clause, text));
  return (mode, isDirectory) =>
    clauses.reduce((current, apply) => apply(current, isDirectory), mode);
}

function parseClause(clause: string, text: string): ModeChange {
  const [, who = '', operator = '', what = ''] =
    /^([ugoa]*)([-+=])([rwxXst]*|[ugo])$/.exec(clause) ?? [];
  if (operator === '')
    throw new BuildError('DOCKERFILE_INVALID', `not a mode: "${displayText(text)}"`, {
      suggestion: 'write octal digits such as 755, or changes such as u=rwX,go=rX',
    });
  const mask = who === '' || who.includes('a') ? 0o7777 : maskOf(who);
  return (mode, isDirectory) => {
    const bits = bitsOf(what, mode, isDirectory) & mask;
    if (operator === '+') return mode | bits;
    return operator === '-' ? mode & ~bits : (mode & ~mask) | bits;
  };
}

function maskOf(who: string): number {
  return [...who].reduce((mask, letter) => mask | (classes[letter] ?? 0), 0);
}

function bitsOf(what: string, mode: number, isDirectory: boolean): number {
  const copied = { u: mode >> 6, g: mode >> 3, o: mode }[what];
  if (copied !== undefined) return (copied & 7) * 0o111;
  const executable = isDirectory || (mode & 0o111) !== 0;
  const letters = { r: 0o444, w: 0o222, x: 0o111, X: executable ? 0o111 : 0, s: 0o6000, t: 0o1000 };
  return [...what].reduce(
    (bits, letter) => bits | (letters[letter as keyof typeof letters] ?? 0),
    0,
  );
}
