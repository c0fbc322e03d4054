/** `s2oci run` and `s2oci usage`: run an image rootless, in the executors that builds use. */

import type { Agent } from '../../agent/index.ts';
import type { Settings } from '../../config/index.ts';
import { BuildError } from '../../errors/index.ts';
import { silentReporter } from '../../events/index.ts';
import { hostPlatform, parsePlatform } from '../../model/index.ts';
import {
  Container,
  type ContainerProcess,
  explainRuntimeFailure,
  fetchLayers,
  type NamedScript,
  placeUsage,
  refuseLimit,
  resolveImage,
  type SandboxSettings,
  unpackImage,
} from '../../pipeline/index.ts';
import {
  parseVariable,
  type ResolvedUser,
  scriptEnvironment,
  userOfImage,
} from '../../s2i/index.ts';
import type { HttpGet } from '../../source/index.ts';
import { flagOption, type Invocation, listOption, textOption } from '../command.ts';
import { acceptS2iFlags } from '../commands/s2i-flags.ts';
import { printFailure } from '../failure.ts';
import { openImages } from '../images.ts';
import { createCommandRenderer } from '../reporting.ts';
import { idsOf, openSession } from '../session.ts';
import { loadSettings } from '../wiring.ts';
import { processLimitsFrom } from './limit-options.ts';

/** Runs an image by its own command, or by the one that was typed. */
export function run(invocation: Invocation): Promise<number> {
  const typed = invocation.args.slice(1);
  return runImage(invocation, 'run', async ({ container }) =>
    typed.length > 0 ? typed : container.config.execution.cmd,
  );
}

/** Flags that source-to-image takes here as with builds. */
const withoutEffectOnUsage = [
  ['incremental', '--incremental'],
  ['rm', '--rm'],
  ['callbackUrl', '--callback-url'],
] as const;

/** Runs the usage script of a builder image. */
export function usage(typed: Invocation): Promise<number> {
  const { invocation, notices } = acceptS2iFlags(typed);
  for (const notice of notices) invocation.io.stderr.write(`warning: ${notice}\n`);
  const { options, io } = invocation;
  for (const [name, flag] of withoutEffectOnUsage)
    if (options[name] !== undefined && options[name] !== false)
      io.stderr.write(`warning: ${flag} has no effect on usage\n`);
  const request = {
    allowRemoteScripts: flagOption(options, 'allowRemoteScripts'),
    scriptsUrl: textOption(options, 'scriptsUrl'),
    destination: textOption(options, 'destination'),
  };
  return runImage(invocation, 'usage', async ({ agent, http, container, user }) => [
    await placeUsage({ agent, http }, container, request, user, io.signal),
  ]);
}

/** Runs an image that was just built, by its own command, with what of the build's options is about running. */
export function runTag({ io, options }: Invocation, tag: string): Promise<number> {
  const ofAssemble = ['env', 'user', 'workdir', 'memory', 'cpus', 'pidsLimit', 'ulimit'];
  const kept = Object.fromEntries(
    Object.entries(options).filter(([name]) => !ofAssemble.includes(name)),
  );
  return run({ io, args: [tag], options: kept });
}

/** An image that is ready to run. */
interface OpenedImage {
  readonly agent: Agent;
  readonly http: HttpGet;
  readonly container: Container;
  readonly user: ResolvedUser;
}

type CommandOf = (opened: OpenedImage) => Promise<readonly string[]>;

async function runImage(
  invocation: Invocation,
  name: 'run' | 'usage',
  commandOf: CommandOf,
): Promise<number> {
  const { args, io } = invocation;
  const config = await loadSettings(invocation);
  const reporter = createCommandRenderer(config, io);
  await using session = await openSession(config, invocation, {
    inheritStdio: true,
    ids: idsOf([textOption(invocation.options, 'user')]),
  });
  await using images = await openImages(config, io, session.store, reporter);
  await using source = await images.source(args[0] ?? '');
  const { platform, storage } = config.values;
  const wanted = platform === undefined ? hostPlatform('linux', io.arch) : parsePlatform(platform);
  const { value: image } = await resolveImage(source, wanted, io.signal);
  const agent = await session.agent;
  const deps = { store: session.store, agent, reporter: silentReporter, now: Date.now };
  await using lease = await session.store.acquireLease();
  const { value: fetched } = await fetchLayers({ ...deps, lease }, image, io.signal);
  await unpackImage(deps, fetched, io.signal);
  const { rootfsKey } = fetched;
  await using container = await Container.open(deps, rootfsKey, image.config, storage, io.signal);
  const user = await userOf(invocation, container);
  const command = await commandOf({ agent, http: images.http, container, user });
  const process = processOf(
    invocation,
    container,
    user,
    commandLine(source.name, container, command),
  );
  const path = command[0] ?? image.config.execution.entrypoint[0] ?? '';
  const script = { name, path, code: 'RUN_FAILED', phase: 'assemble' } as const;
  const sandbox = { ...sandboxFrom(config.values), limits: processLimitsFrom(invocation.options) };
  return await runCommand(container, script, process, sandbox, io);
}

/** Runs the process; its exit code is the command's, and what kept its script from starting is said. */
async function runCommand(
  container: Container,
  script: NamedScript,
  process: ContainerProcess,
  sandbox: SandboxSettings,
  io: Invocation['io'],
): Promise<number> {
  const { signal } = io;
  const explain = async (failure: unknown) =>
    script.path.startsWith('/')
      ? await explainRuntimeFailure(container, script, failure)
      : undefined;
  try {
    const result = await container.run(script.phase, process, sandbox, signal);
    refuseLimit('the command', result);
    const { code } = result;
    const cause = code === 0 ? undefined : await explain(code);
    if (cause !== undefined) printFailure(cause, io);
    return code;
  } catch (error) {
    // Stopping it is how a server ends; the exit code says which signal it was.
    if (signal.aborted) return 0;
    throw (await explain(error)) ?? error;
  }
}

function commandLine(
  image: string,
  { config: { execution } }: Container,
  own: readonly string[],
): readonly string[] {
  const command = [...execution.entrypoint, ...own];
  if (command.length > 0) return command;
  throw new BuildError('USAGE_INVALID', `${image} has no command of its own`, {
    suggestion: 'name one: s2oci run IMAGE COMMAND',
  });
}

function userOf({ options, io }: Invocation, container: Container): Promise<ResolvedUser> {
  const named = textOption(options, 'user');
  const origin = named === undefined ? userOfImage : ({ what: '--user', from: 'user' } as const);
  return container.user(named ?? container.config.execution.user, origin, io.signal);
}

function processOf(
  { options }: Invocation,
  { config: { execution } }: Container,
  user: ResolvedUser,
  args: readonly string[],
): ContainerProcess {
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
