/** What is mounted where this process looks (proc(5), /proc/self/mountinfo). */

import { readFileSync } from 'node:fs';

/** One mount. */
export interface MountPoint {
  /** What of the file system is mounted. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
}

/** Parses /proc/self/mountinfo. */
export function parseMounts(text: string): readonly MountPoint[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [before = '', after = ''] = line.split(' - ');
      const [, , , root = '', point = ''] = before.split(' ').map(unescaped);
      return { root, point, type: after.split(' ')[0] ?? '' };
    });
}

/** Lists the paths that something is mounted on. */
export function readMountPoints(): readonly string[] {
  return parseMounts(readFileSync('/proc/self/mountinfo', 'utf8')).map(({ point }) => point);
}

/** Blanks, newlines and backslashes are written as a backslash and three octal digits. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
