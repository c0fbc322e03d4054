/**
 * Finds the programs that namespaces and executors are made with.
 *
 * A login user's PATH on Debian lacks the sbin directories, where runc, chroot and mount helpers live;
 * they are searched as well. Nothing is ever looked up in the current directory or in an image.
 */

import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

/** Where programs are, whatever PATH says. */
const systemDirectories = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
];

/** Looks up programs of the machine. */
export interface Tools {
  /** Returns the absolute path of a program, or undefined when the machine does not have it. */
  find(name: string): string | undefined;
}

/** Searches the absolute directories of a PATH value and then the usual system directories. */
export function searchTools(path: string | undefined): Tools {
  const directories = [...(path ?? '').split(':').filter(isAbsolute), ...systemDirectories];
  const found = new Map<string, string | undefined>();
  return {
    find: (name) => {
      if (!found.has(name)) {
        found.set(
          name,
          directories.map((directory) => join(directory, name)).find(isExecutableFile),
        );
      }
      return found.get(name);
    },
  };
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
