/** `s2oci assemble`: the first half of a build, for jobs that hold no credentials. */

import type { CommandSpec } from '../command.ts';
import { buildOptions } from './build-options.ts';

/** Builds into a layout or an archive of this machine, which `s2oci push` sends on. */
export const assembleCommand: CommandSpec = {
  name: 'assemble',
  summary: 'build into a layout, without publishing',
  description:
    'The first half of a build: does everything but publish. Together with `s2oci push` in a job of its own this keeps credentials out of reach of the scripts of the builder image, even where they run with your own id (executor in-builder).\n\nStandard output has one line: the layout with the digest of the image.',
  arguments: [
    {
      name: '<source>',
      description: 'directory, git URL with #ref, tar archive, or - for a tar stream',
    },
    { name: '<builder>', description: 'builder image, in the forms of build' },
  ],
  options: [
    {
      flags: '--to <layout>',
      description: 'where the application image goes: oci:DIR[:tag] or oci-archive:FILE[:tag]',
    },
    {
      flags: '--builder-from <layout>',
      description: 'take the builder image from this copy of it, so that no registry is needed',
    },
    ...buildOptions.filter(({ flags }) => !flags.startsWith('--as-dockerfile')),
  ],
  examples: [
    's2oci copy registry.example.com/builders/node:24 oci:./builder:24',
    's2oci assemble . registry.example.com/builders/node:24 --builder-from oci:./builder:24 --to oci:./image:1',
    's2oci push oci:./image:1 registry.example.com/apps/hello:1',
  ],
  run: async (invocation) => (await import('../actions/assemble.ts')).assemble(invocation),
};
