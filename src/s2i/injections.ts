/** `--inject src:dst`: files of this machine that assemble sees and no layer holds. */

import { join, normalize } from 'node:path/posix';
import { BuildError } from '../errors/index.ts';
import { displayText } from '../model/index.ts';

/** One file or directory to mount for the run of assemble. */
export interface Injection {
  /** A path of this machine, as written. */
  readonly source: string;
  /** An absolute directory in the container. */
  readonly target: string;
}

const forbidden = /[;*?"<>|%#$!+{}&[\],'`\u0000-\u001f\u007f]/;

/**
 * Parses injections, each a `;` separated list of `src:dst`. The last `:` splits; quotes around an item are dropped; an
 * empty `dst` is the working directory, and a relative one lies below it.
 *
 * @throws BuildError `USAGE_INVALID`
 */
export function parseInjections(
  values: readonly string[],
  workingDirectory: string,
): readonly Injection[] {
  return values
    .flatMap((value) => value.split(';'))
    .map((item) => item.trim().replace(/^(["'])(.*)\1$/, '$2'))
    .filter((item) => item !== '')
    .map((item) => parseInjection(item, workingDirectory));
}

function parseInjection(item: string, workingDirectory: string): Injection {
  const colon = item.lastIndexOf(':');
  const source = colon === -1 ? item : item.slice(0, colon);
  const wanted = colon === -1 ? '' : item.slice(colon + 1);
  if (source === '') refuse(item, 'it names no file or directory of this machine');
  if (forbidden.test(source) || forbidden.test(wanted))
    refuse(item, 'it holds a character that is not allowed');
  const target = normalize(wanted.startsWith('/') ? wanted : join(workingDirectory, wanted));
  if (wanted.split('/').includes('..')) refuse(item, 'the destination leads upwards');
  return { source, target: target.replace(/(?<=.)\/$/, '') };
}

function refuse(item: string, why: string): never {
  throw new BuildError(
    'USAGE_INVALID',
    `not an injection: "${displayText(item.slice(0, 200))}": ${why}`,
    {
      suggestion: 'write it as source:destination, such as ./secrets:/run/secrets/app',
    },
  );
}
