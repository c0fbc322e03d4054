/**
 * argv to exit code: builds the parser from the table of commands, runs one, and turns whatever it
 * throws into a message, an exit code and nothing else.
 */

import { Command, CommanderError, Option } from 'commander';
import { asBuildError, BuildError } from '../errors/index.ts';
import { normalizeArguments } from './arguments.ts';
import type { CommandIo, CommandSpec, OptionSpec } from './command.ts';
import { commands } from './commands/index.ts';
import { printFailure } from './failure.ts';
import { handleSignals } from './signals.ts';
import { programVersion } from './version.ts';

/** Runs the program and returns its exit code; never throws. */
export async function runProgram(process: NodeJS.Process): Promise<number> {
  silenceExperimentalWarnings(process);
  ignoreBrokenPipes(process);
  using signals = handleSignals(process);
  const io: CommandIo = {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
    cwd: process.cwd(),
    node: process.execPath,
    self: [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
    argv: process.argv.slice(2),
    replaceProcess: (file, argv, env) => process.execve?.(file, argv, env),
    arch: process.arch,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    signal: signals.signal,
  };
  try {
    const code = await dispatch(process.argv.slice(2), io);
    return signals.exitCode() ?? code;
  } catch (thrown) {
    const error = signals.asError(asBuildError(thrown));
    printFailure(error, io);
    return signals.exitCode() ?? error.exitCode;
  }
}

/** Parses arguments and runs the command they name. */
export async function dispatch(argv: readonly string[], io: CommandIo): Promise<number> {
  let exitCode = 0;
  const program = new Command('s2oci');
  program
    .description('Source-to-image builds on OCI layers, without a daemon and without root.')
    .version(programVersion, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .addHelpText('after', '\nMore about a command: s2oci help <command>');
  for (const spec of neededFor(argv)) {
    addCommand(program, spec, io, (code) => {
      exitCode = code;
    });
  }
  try {
    await program.parseAsync([...normalizeArguments(argv, commands)], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return commanderExit(error);
    throw error;
  }
  return exitCode;
}

/** The command that is typed, or all where none is; making the options of all takes as long as Node's start. */
function neededFor([name]: readonly string[]): readonly CommandSpec[] {
  const typed = commands.find((spec) => spec.name === name);
  return typed === undefined ? commands : [typed];
}

function addCommand(
  parent: Command,
  spec: CommandSpec,
  io: CommandIo,
  done: (code: number) => void,
): void {
  const command = parent
    .command(spec.name)
    .summary(spec.summary)
    .description(spec.description ?? `${spec.summary}.`);
  configureOutput(command, io);
  for (const { name, description } of spec.arguments ?? []) command.argument(name, description);
  for (const option of spec.options ?? []) command.addOption(commanderOption(option));
  for (const child of spec.subcommands ?? []) addCommand(command, child, io, done);
  if (spec.examples !== undefined) {
    command.addHelpText(
      'after',
      `\nExamples:\n${spec.examples.map((line) => `  $ ${line}`).join('\n')}`,
    );
  }
  const { run } = spec;
  if (run === undefined) return;
  command.action(async (...received: unknown[]) => {
    const args = received
      .slice(0, -2)
      .flatMap((value) => (value === undefined ? [] : value)) as string[];
    done(await run({ args, options: command.opts(), io }));
  });
}

function configureOutput(command: Command, io: CommandIo): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => io.stdout.write(text),
    writeErr: (text) => io.stderr.write(text),
    outputError: () => {},
  });
  for (let parent = command.parent; parent !== null; parent = parent.parent) {
    parent.exitOverride().configureOutput(command.configureOutput());
  }
}

function commanderOption(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.description);
  if (spec.standsAlone) option.negate = false;
  if (spec.choices !== undefined) option.choices([...spec.choices]);
  if (spec.defaultValue !== undefined) option.default(spec.defaultValue);
  if (spec.repeatable)
    option.argParser((value: string, previous: string[] | undefined) => [
      ...(previous ?? []),
      value,
    ]);
  return option;
}

/** Help and version are successes; everything else that the parser stops for is a usage error. */
function commanderExit(error: CommanderError): number {
  if (error.exitCode === 0) return 0;
  if (error.code === 'commander.help') return 2;
  throw new BuildError('USAGE_INVALID', error.message.replace(/^error: /, ''), {
    suggestion: 'run `s2oci --help`, or `s2oci help <command>`',
  });
}

/** A reader that goes away (`| head -1`) ends our output, not the build. */
function ignoreBrokenPipes(process: NodeJS.Process): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

/** node:sqlite still announces itself as experimental; what we use of it is a file lock (ADR 0003). */
function silenceExperimentalWarnings(process: NodeJS.Process): void {
  const print = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name === 'ExperimentalWarning') return;
    for (const listener of print) listener.call(process, warning);
  });
}
