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
import {
  parseBuilderContract,
  parseVariable,
  scriptEnvironment,
  userOfImage,
} from '../../s2i/index.ts';
import { type Invocation, listOption, textOption } from '../command.ts';
import { openImages } from '../images.ts';
import { createCommandRenderer } from '../reporting.ts';
import { openSession } from '../session.ts';
import { loadSettings } from '../wiring.ts';

/** Runs an image by its own command, or by the one that was typed. */
export function run(invocation: Invocation): Promise<number> {
  return runImage(invocation, ({ cmd }) =>
    invocation.args.length > 1 ? invocation.args.slice(1) : cmd,
  );
}

/** Runs the usage script of a builder image. */
export function usage(invocation: Invocation): Promise<number> {
  return runImage(invocation, (execution) => {
    const { scriptsUrl } = parseBuilderContract(execution);
    if (scriptsUrl?.kind === 'image')
      return [`${scriptsUrl.path === '/' ? '' : scriptsUrl.path}/usage`];
    throw new BuildError('SCRIPT_NOT_FOUND', 'the image does not say where its scripts are', {
      origin: 'builder',
      suggestion: 'is it a builder image? It needs the label io.openshift.s2i.scripts-url',
    });
  });
}

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
