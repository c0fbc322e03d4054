/**
 * Names of branches, tags and commits as they may be given by users (git-check-ref-format(1)).
 *
 * Only plain names pass: revision expressions (`HEAD~2`, `a..b`, `@{-1}`, `:path`) and anything that git
 * could take for an option do not, so a ref is always data to git.
 */

import { BuildError } from '../errors/index.ts';

const maxLength = 255;
const forbidden = /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\//;

/**
 * Returns the ref unchanged when it is a plain name.
 *
 * @throws BuildError `SOURCE_INVALID`
 */
export function parseRef(text: string): string {
  const problem = problemOf(text);
  if (problem === undefined) return text;
  const shown = text.length > 80 ? `${text.slice(0, 80)}...` : text;
  throw new BuildError('SOURCE_INVALID', `not a git ref: ${JSON.stringify(shown)}: ${problem}`, {
    origin: 'source',
    suggestion: 'give a branch, a tag, a full commit id, or a ref such as refs/pull/7/head',
  });
}

/** Tells whether a ref is a complete object name (SHA-1 or SHA-256). */
export function isObjectName(ref: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(ref);
}

/** Tells whether a ref may be the beginning of an object name. */
export function isAbbreviatedObjectName(ref: string): boolean {
  return /^[0-9a-f]{4,63}$/.test(ref);
}

function problemOf(ref: string): string | undefined {
  if (ref === '') return 'it is empty';
  if (ref.length > maxLength) return `it is longer than ${maxLength} characters`;
  if (ref.startsWith('-')) return 'it begins with "-"';
  if (forbidden.test(ref)) return 'it holds a character or sequence that names cannot hold';
  if (ref.startsWith('/') || ref.endsWith('/')) return 'it begins or ends with "/"';
  if (ref.endsWith('.') || ref === '@') return 'it ends with "." or is "@"';
  const components = ref.split('/');
  if (components.some((part) => part.startsWith('.') || part.endsWith('.lock')))
    return 'a part of it begins with "." or ends with ".lock"';
  return undefined;
}
