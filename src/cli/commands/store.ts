/** `s2oci store`: the local state of this user. */

import type { CommandSpec } from '../command.ts';

const jsonOption = { flags: '--json', description: 'print JSON' };

/** Commands about the local store. */
export const storeCommand: CommandSpec = {
  name: 'store',
  summary: 'look after the local store',
  description:
    'The local store ($S2OCI_HOME, by default in the XDG data directory) keeps builder layers, their unpacked root file systems, and what scripts keep in caches. Everything in it can be fetched again.',
  subcommands: [
    {
      name: 'path',
      summary: 'print the directory of the store',
      run: async (invocation) => (await import('../actions/store.ts')).printPath(invocation),
    },
    {
      name: 'df',
      summary: 'show what the store takes',
      options: [jsonOption],
      run: async (invocation) => (await import('../actions/store.ts')).showUsage(invocation),
    },
    {
      name: 'verify',
      summary: 'check every blob and root file system; what is damaged is set aside',
      description:
        'Blobs are hashed again. Of root file systems, names, kinds, owners, permissions, times and the contents of all files are compared with what was unpacked. A damaged one that a running build uses is told, and stays until that has ended. The next build that needs what was set aside fetches or unpacks it again.',
      options: [jsonOption],
      run: async (invocation) => (await import('../actions/store.ts')).verify(invocation),
    },
    {
      name: 'prune',
      summary: 'remove what no running build uses',
      options: [
        {
          flags: '--keep-bytes <size>',
          description: 'keep the most recently used up to this size, such as 10G',
        },
        {
          flags: '--older-than <time>',
          description: 'remove only what was not used for this long, such as 7d',
        },
        {
          flags: '--all',
          description: 'remove everything that is not in use (the default without a limit)',
        },
        jsonOption,
      ],
      examples: ['s2oci store prune --keep-bytes 20G', 's2oci store prune --older-than 7d'],
      run: async (invocation) => (await import('../actions/store.ts')).prune(invocation),
    },
  ],
};
