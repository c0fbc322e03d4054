/**
 * Two ways to make an entry's name a path below a root: rooted (what a layer means) and strict (what
 * sources and artifacts may say). Both are lexical; symbolic links are the business of whoever writes files.
 */

import { BuildError } from '../errors/index.ts';
import type { ByteString } from '../model/index.ts';
import { quoteName } from './fault.ts';

/**
 * Returns a name relative to the root it is taken in: no leading `/`, no empty, `.` or `..` components; `..`
 * stops at the root as in a chroot. The root itself is the empty string. Layers are read this way.
 */
export function rootedPath(name: ByteString): ByteString {
  if (isClean(name)) return name;
  const kept: string[] = [];
  for (const component of name.split('/')) {
    if (component === '..') kept.pop();
    else if (component !== '' && component !== '.') kept.push(component);
  }
  return kept.join('/') as ByteString;
}

/**
 * Returns a name relative to its root like {@link rootedPath}, but refuses an absolute name and any `..`.
 * Sources and artifacts are read this way: an honest program never writes such names.
 *
 * @throws BuildError `PATH_UNSAFE` naming the entry; `what` is the archive as the user knows it
 */
export function strictPath(name: ByteString, what: string): ByteString {
  const reason = name.startsWith('/')
    ? 'the name is absolute'
    : name.split('/').includes('..')
      ? 'the name leads upwards'
      : undefined;
  if (reason === undefined) return rootedPath(name);
  throw new BuildError('PATH_UNSAFE', `${what} has an unsafe entry ${quoteName(name)}: ${reason}`, {
    suggestion: 'make the archive again with names relative to its top directory',
  });
}

const unclean = /^\/|\/\/|\/$|(?:^|\/)\.\.?(?:\/|$)/;

function isClean(name: ByteString): boolean {
  return !unclean.test(name);
}
