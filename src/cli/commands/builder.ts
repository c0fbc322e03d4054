/** `s2oci builder`: builder images from Dockerfiles. */

import type { CommandSpec, OptionSpec } from '../command.ts';
import {
  cacheOptions,
  layerOptions,
  registryOptions,
  reportOptions,
  sandboxOptions,
} from './build-options.ts';

const builderOptions: readonly OptionSpec[] = [
  {
    flags: '-t, --tag <image>',
    description:
      'where the image goes: reference, oci:DIR[:tag], oci-archive:FILE, docker-archive:FILE',
    repeatable: true,
  },
  { flags: '-f, --file <file>', description: 'the Dockerfile; - reads standard input' },
  { flags: '--target <stage>', description: 'stage to build instead of the last' },
  {
    flags: '--build-arg <NAME=VALUE>',
    description: 'value of an ARG; without =VALUE that of the environment',
    repeatable: true,
  },
  { flags: '--label <NAME=VALUE>', description: 'label of the image', repeatable: true },
  {
    flags: '--platform <platform>',
    description: 'platform to take from multi-platform base images',
  },
  { flags: '--metadata-file <file>', description: 'write the result as JSON' },
  { flags: '--iidfile <file>', description: 'write the image id (digest of its config)' },
  {
    flags: '--pull',
    description: 'ask what the tags of base images mean now (always done, so without effect)',
  },
  {
    flags: '-o, --output <place>',
    description:
      'type=tar,dest=FILE or type=local,dest=DIR for the root file system, or one more name of the image',
    repeatable: true,
  },
  { flags: '--squash', description: 'make one layer of all that is added to the base image' },
];

/** The sandbox options that a Dockerfile has no other words for. */
const sandbox = sandboxOptions
  .filter(({ flags }) => !/--(?:inject|cache) /.test(flags))
  .map((option) => ({ ...option, description: option.description.replace('assemble', 'RUN') }));

/** Commands about builder images. */
export const builderCommand: CommandSpec = {
  name: 'builder',
  summary: 'make builder images from Dockerfiles',
  subcommands: [
    {
      name: 'build',
      summary: 'build an image from a Dockerfile',
      description:
        'Builds an image from a Dockerfile without root and without a daemon, in the same sandbox as assemble.\n\nStandard output has one line for each -t: the reference of the image with its digest. Everything else goes to standard error.',
      arguments: [
        {
          name: '<context>',
          description: 'directory, git URL with #ref:directory, tar archive, or - for a tar stream',
        },
      ],
      options: [
        ...builderOptions,
        ...sandbox,
        ...layerOptions,
        ...registryOptions,
        ...cacheOptions,
        ...reportOptions,
      ],
      examples: [
        's2oci builder build ./my-builder -t registry.example.com/builders/mine:1',
        's2oci builder build . -f Dockerfile.dev --target test -t oci:./image',
      ],
      run: async (invocation) =>
        (await import('../actions/builder-build.ts')).buildBuilder(invocation),
    },
    {
      name: 'check',
      summary: 'tell whether an image keeps the S2I contract',
      description:
        'Looks at labels, scripts, users, directories, ports and size of a builder image, and says for each what could be better. Nothing of the image is run unless --run is given.\n\nThe exit code is 8 when builds with the image cannot work.',
      arguments: [
        {
          name: '<image>',
          description: 'reference, oci:DIR[:tag], oci-archive:FILE or docker-archive:FILE',
        },
      ],
      options: [
        { flags: '--run', description: 'run its usage script too' },
        { flags: '--json', description: 'print JSON' },
        { flags: '--platform <platform>', description: 'platform to take from an index' },
        ...sandboxOptions.filter(({ flags }) => /^--(executor|min-isolation|network) /.test(flags)),
        ...registryOptions,
      ],
      examples: ['s2oci builder check registry.example.com/builders/mine:1'],
      run: async (invocation) =>
        (await import('../actions/builder-check.ts')).checkBuilderImage(invocation),
    },
  ],
};
