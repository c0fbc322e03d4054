/** `s2oci version`. */

import type { CommandSpec } from '../command.ts';
import { programVersion } from '../version.ts';

/** Prints the version of s2oci and of what runs it. */
export const versionCommand: CommandSpec = {
  name: 'version',
  summary: 'print the version',
  run: async ({ io }) => {
    io.stdout.write(`s2oci ${programVersion}\n`);
    return 0;
  },
};
