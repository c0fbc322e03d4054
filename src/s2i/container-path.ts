/** Absolute paths inside a container, as labels, flags and image configs give them. */

import { normalize } from 'node:path/posix';
import { BuildError, type ErrorCode } from '../errors/index.ts';
import { displayText } from '../model/index.ts';

/** Where a path comes from, for the error that refuses it. */
export interface PathOrigin {
  /** Such as `label io.openshift.s2i.destination`. */
  readonly what: string;
  readonly code: ErrorCode;
  /** What to do instead of writing another path. */
  readonly suggestion?: string;
}

/**
 * Returns an absolute path in its shortest form, without a slash at its end.
 *
 * @throws BuildError with the origin's code for relative paths, `..`, control characters and more than 4095 bytes
 */
export function parseContainerPath(text: string, origin: PathOrigin): string {
  const problem = problemOf(text);
  if (problem === undefined) return normalize(text).replace(/(?<=.)\/$/, '');
  const shown = displayText(text.slice(0, 200));
  throw new BuildError(origin.code, `${origin.what} is not a usable path: "${shown}": ${problem}`, {
    suggestion:
      origin.suggestion ?? 'write an absolute path inside the image, such as /opt/app-root',
  });
}

function problemOf(text: string): string | undefined {
  if (text === '') return 'it is empty';
  if (!text.startsWith('/')) return 'it is not absolute';
  if (/[\u0000-\u001f\u007f]/.test(text)) return 'it holds a control character';
  if (text.split('/').includes('..')) return 'it holds ".."';
  if (Buffer.byteLength(text) > 4095) return 'it is too long';
  return undefined;
}

/**
 * Returns the working directory of an image: `/` when it names none (CVE-2024-21626).
 *
 * @throws BuildError `IMAGE_CONFIG_INVALID` for what is not absolute, leads upwards or lies in /proc
 */
export function workingDirectoryOf(workingDir: string): string {
  if (workingDir === '') return '/';
  const origin = {
    what: 'the working directory of the image',
    code: 'IMAGE_CONFIG_INVALID',
  } as const;
  const path = parseContainerPath(workingDir, origin);
  if (path !== '/proc' && !path.startsWith('/proc/')) return path;
  throw new BuildError(
    'IMAGE_CONFIG_INVALID',
    `${origin.what} lies in /proc: "${displayText(path)}"`,
  );
}
