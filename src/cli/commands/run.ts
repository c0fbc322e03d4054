/** `s2oci run` and `s2oci usage`: run an image rootless, in the executors that builds use. */

import type { CommandSpec, OptionSpec } from '../command.ts';
import {
  allowRemoteScripts,
  limitOptionsOf,
  networks,
  registryOptions,
  reportOptions,
} from './build-options.ts';
import { s2iOptions } from './s2i-flags.ts';

const imageArgument = {
  name: '<image>',
  description: 'reference, oci:DIR[:tag], oci-archive:FILE or docker-archive:FILE',
};

const executionOptions: readonly OptionSpec[] = [
  { flags: '--executor <name>', description: 'what runs the image' },
  {
    flags: '--min-isolation <level>',
    description: 'fail rather than run with less isolation',
    choices: ['A', 'B', 'C', 'D', 'F'],
  },
  { flags: '--network <mode>', description: 'network of the process', choices: networks },
  { flags: '--platform <platform>', description: 'platform to take from an index' },
  ...registryOptions,
  ...reportOptions,
];

/** Runs an image; ports are those of this machine, nothing stays when it ends. */
export const runCommand: CommandSpec = {
  name: 'run',
  summary: 'run an image',
  description:
    'Runs an image rootless until it ends. Its ports are ports of this machine. Ctrl-C stops it; nothing that it wrote is kept. Options stand in front of the image; everything behind it belongs to the command.',
  arguments: [
    imageArgument,
    { name: '[args...]', description: "instead of the image's own command, with its options" },
  ],
  takesCommand: true,
  options: [
    {
      flags: '-e, --env <NAME=VALUE>',
      description: 'environment of the process',
      repeatable: true,
    },
    { flags: '-u, --user <user>', description: "user instead of the image's own" },
    { flags: '-w, --workdir <dir>', description: "working directory instead of the image's own" },
    ...limitOptionsOf('the process'),
    ...executionOptions,
  ],
  examples: [
    's2oci run -e PORT=8080 registry.example.com/apps/hello:1',
    's2oci run -u 0 registry.example.com/apps/hello:1 ls -l /tmp',
  ],
  run: async (invocation) => (await import('../actions/run.ts')).run(invocation),
};

/** Prints what a builder image says about its use. */
export const usageCommand: CommandSpec = {
  name: 'usage',
  summary: 'print the usage text of a builder image',
  arguments: [{ ...imageArgument, name: '<builder>' }],
  options: [
    {
      flags: '-s, --scripts-url <url>',
      description: 'where the usage script is, before the builder image',
    },
    allowRemoteScripts,
    {
      flags: '-d, --destination <dir>',
      description: 'directory in the container that a script from elsewhere goes below',
    },
    ...executionOptions,
    ...s2iOptions,
    { flags: '--incremental', description: 'of s2i: no effect' },
    { flags: '--rm', description: 'of s2i: no effect' },
    { flags: '--callback-url <url>', description: 'of s2i: no effect' },
  ],
  examples: ['s2oci usage registry.example.com/builders/node:24'],
  run: async (invocation) => (await import('../actions/run.ts')).usage(invocation),
};
