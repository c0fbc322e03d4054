/** `s2oci build`: the main job. */

import type { CommandSpec } from '../command.ts';
import { buildOptions } from './build-options.ts';

const useConfigOption = {
  flags: '--use-config',
  description: 'take what is not given from .s2ifile in this directory, and write it',
};

/** Builds an application image from source and a builder image. */
export const buildCommand: CommandSpec = {
  name: 'build',
  summary: 'build an application image from source',
  description:
    "Runs the builder image's assemble script on the source, in a rootless sandbox, and publishes the result as a new image.\n\nStandard output has one line: the reference of the image with its digest. Everything else goes to standard error.",
  arguments: [
    {
      name: '[source]',
      description: 'directory, git URL with #ref, tar archive, or - for a tar stream',
    },
    {
      name: '[builder]',
      description: 'builder image: reference, oci:DIR[:tag], oci-archive:FILE, docker-archive:FILE',
    },
    { name: '[tag]', description: 'where the application image goes, in the same forms' },
  ],
  options: [...buildOptions, useConfigOption],
  examples: [
    's2oci build . registry.example.com/builders/node:24 registry.example.com/apps/hello:1',
    's2oci build https://git.example.com/app.git#main builder:1 oci:./image --incremental',
    'tar -c . | s2oci build - oci:./builder:24 registry.example.com/apps/hello:1',
  ],
  run: async (invocation) => (await import('../actions/build.ts')).buildTyped(invocation),
};
