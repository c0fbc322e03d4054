/** `s2oci run` and `s2oci usage`: run an image rootless, in the executors that builds use. */

import type { Settings } from '../../config/index.ts';
import { BuildError } from '../../errors/index.ts';
import { silentReporter } from '../../events/index.ts';
import { type ExecutionConfig, hostPlatform, parsePlatform } from '../../model/index.ts';
import {
  Container,
  type ContainerProcess,
  fetchLayers,
  resolveImage,
  type SandboxSettings,
  unpackImage,
} from '../../pipeline/index.ts';
import { networkModes } from '../../runtime/index.ts';
import {
  parseBuilderContract,
  parseVariable,
  scriptEnvironment,
  userOfImage,
} from '../../s2i/index.ts';
import {
  type CommandSpec,
  type Invocation,
  listOption,
  type OptionSpec,
  textOption,
} from '../command.ts';
import { openImages } from '../images.ts';
import { createCommandRenderer, reportOptions } from '../reporting.ts';
import { openSession } from '../session.ts';
import { loadSettings } from '../wiring.ts';
import { registryOptions } from './build-options.ts';

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
  { flags: '--network <mode>', description: 'network of the process', choices: networkModes },
  { flags: '--platform <platform>', description: 'platform to take from an index' },
  ...registryOptions,
  ...reportOptions,
];

/** Runs an image; ports are those of this machine, nothing stays when it ends. */
export const runCommand: CommandSpec = {
  name: 'run',
  summary: 'run an image',
  description:
    'Runs an image rootless until it ends. Its ports are ports of this machine. Ctrl-C stops it; nothing that it wrote is kept.',
  arguments: [
    imageArgument,
    { name: '[args...]', description: "instead of the image's own command" },
  ],
  options: [
    {
      flags: '-e, --env <NAME=VALUE>',
      description: 'environment of the process',
      repeatable: true,
    },
    { flags: '-u, --user <user>', description: "user instead of the image's own" },
    { flags: '-w, --workdir <dir>', description: "working directory instead of the image's own" },
    ...executionOptions,
  ],
  examples: ['s2oci run -e PORT=8080 registry.example.com/apps/hello:1'],
  run: (invocation) =>
    runImage(invocation, ({ cmd }) =>
      invocation.args.length > 1 ? invocation.args.slice(1) : cmd,
    ),
};

/** Prints what a builder image says about its use. */
export const usageCommand: CommandSpec = {
  name: 'usage',
  summary: 'print the usage text of a builder image',
  arguments: [{ ...imageArgument, name: '<builder>' }],
  options: executionOptions,
  examples: ['s2oci usage registry.example.com/builders/node:24'],
  run: (invocation) =>
    runImage(invocation, (execution) => {
      const { scriptsUrl } = parseBuilderContract(execution);
      if (scriptsUrl?.kind === 'image')
        return [`${scriptsUrl.path === '/' ? '' : scriptsUrl.path}/usage`];
      throw new BuildError('SCRIPT_NOT_FOUND', 'the image does not say where its scripts are', {
        origin: 'builder',
        suggestion: 'is it a builder image? It needs the label io.openshift.s2i.scripts-url',
      });
    }),
};

/** Runs an image that was just built, by its own command, with what of the build's options is about running. */
export function runTag({ io, options }: Invocation, tag: string): Promise<number> {
  const kept = { ...options, env: undefined, user: undefined, workdir: undefined };
  return runImage({ io, args: [tag], options: kept }, ({ cmd }) => cmd);
}

type CommandOf = (execution: ExecutionConfig) => readonly string[];

async function runImage(invocation: Invocation, commandOf: CommandOf): Promise<number> {
  const { args, io } = invocation;
  const config = await loadSettings(invocation);
  const reporter = createCommandRenderer(config, io);
  await using session = await openSession(config, invocation, { inheritStdio: true });
  await using images = await openImages(config, io, session.store, reporter);
  await using source = await images.source(args[0] ?? '');
  const { platform, storage } = config.values;
  const wanted = platform === undefined ? hostPlatform('linux', io.arch) : parsePlatform(platform);
  const { value: image } = await resolveImage(source, wanted, io.signal);
  const command = commandLine(source.name, image.config.execution, commandOf);
  const agent = await session.agent;
  const deps = { store: session.store, agent, reporter: silentReporter, now: Date.now };
  await using lease = await session.store.acquireLease();
  const { value: fetched } = await fetchLayers({ ...deps, lease }, image, io.signal);
  await unpackImage(deps, fetched, io.signal);
  await using container = await Container.open(
    deps,
    fetched.rootfsKey,
    image.config,
    storage,
    io.signal,
  );
  const process = await processOf(invocation, container, command);
  const result = await container
    .run('assemble', process, sandboxFrom(config.values), io.signal)
    .catch((error: unknown) => {
      // Stopping it is how a server ends; the exit code says which signal it was.
      if (io.signal.aborted) return { code: 0 };
      throw error;
    });
  return result.code;
}

function commandLine(
  image: string,
  execution: ExecutionConfig,
  commandOf: CommandOf,
): readonly string[] {
  const command = [...execution.entrypoint, ...commandOf(execution)];
  if (command.length > 0) return command;
  throw new BuildError('USAGE_INVALID', `${image} has no command of its own`, {
    suggestion: 'name one: s2oci run IMAGE -- COMMAND',
  });
}

async function processOf(
  { options, io }: Invocation,
  container: Container,
  args: readonly string[],
): Promise<ContainerProcess> {
  const { execution } = container.config;
  const named = textOption(options, 'user');
  const origin = named === undefined ? userOfImage : ({ what: '--user', from: 'user' } as const);
  const user = await container.user(named ?? execution.user, origin, io.signal);
  const home = user.home === undefined ? {} : { home: user.home };
  const given = listOption(options, 'env').map(parseVariable);
  return {
    args,
    env: scriptEnvironment({ execution, given, ...home }),
    cwd: textOption(options, 'workdir') ?? (execution.workingDir || '/'),
    user,
    stdio: 'inherit',
  };
}

function sandboxFrom({ executor, minIsolation, network }: Settings): SandboxSettings {
  return {
    network,
    addHosts: [],
    dropCapabilities: [],
    mounts: [],
    ...(executor === undefined ? {} : { executor }),
    ...(minIsolation === undefined ? {} : { minIsolation }),
  };
}
