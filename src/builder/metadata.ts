/** Instructions that change the config of an image and no file. Pure. */

import { posix } from 'node:path';
import type { Command, HealthcheckInstruction, Instruction, Pair } from '../dockerfile/index.ts';
import { isJsonObject, type Json, type JsonObject } from '../model/index.ts';

/** The shell of commands in shell form when no SHELL says otherwise. */
const defaultShell = ['/bin/sh', '-c'];

/** Changes of the `config` object; undefined takes a key away. */
export type ConfigChanges = Readonly<Record<string, Json | undefined>>;

/** Returns the shell of commands in shell form. */
export function shellOf(config: JsonObject): readonly string[] {
  const shell = listOf(config['Shell']);
  return shell.length === 0 ? defaultShell : shell;
}

/** Returns the arguments of a command. */
export function argumentsOf(command: Command, config: JsonObject): readonly string[] {
  return command.form === 'exec' ? command.arguments : [...shellOf(config), command.text];
}

/** Resolves the path of WORKDIR, or any other, against the working directory. */
export function pathIn(config: JsonObject, path: string): string {
  const current = typeof config['WorkingDir'] === 'string' ? config['WorkingDir'] : '';
  return posix.resolve('/', current, path);
}

/** Returns what an instruction changes; undefined for one that is about files or variables of the build. */
export function configChanges(
  instruction: Instruction,
  config: JsonObject,
  isCommandSet: boolean,
): ConfigChanges | undefined {
  switch (instruction.kind) {
    case 'env':
      return { Env: mergeEnv(listOf(config['Env']), instruction.pairs) };
    case 'label':
      return { Labels: { ...objectOf(config['Labels']), ...fromPairs(instruction.pairs) } };
    case 'user':
      return { User: instruction.user };
    case 'workdir':
      return { WorkingDir: pathIn(config, instruction.path) };
    case 'expose':
      return { ExposedPorts: withKeys(config['ExposedPorts'], instruction.ports) };
    case 'volume':
      return { Volumes: withKeys(config['Volumes'], instruction.paths) };
    case 'cmd':
      return { Cmd: commandOf(instruction.command, config) };
    case 'entrypoint':
      return {
        Entrypoint: commandOf(instruction.command, config),
        ...(isCommandSet ? {} : { Cmd: undefined }),
      };
    case 'shell':
      return { Shell: instruction.arguments };
    case 'healthcheck':
      return { Healthcheck: healthcheckOf(instruction) };
    case 'stopsignal':
      return { StopSignal: instruction.signal };
    case 'onbuild':
      return { OnBuild: [...listOf(config['OnBuild']), instruction.trigger] };
    default:
      return undefined;
  }
}

function commandOf(command: Command, config: JsonObject): Json {
  const list = argumentsOf(command, config);
  return list.length === 0 ? null : list;
}

/** A variable keeps its place when it gets another value. */
function mergeEnv(env: readonly string[], pairs: readonly Pair[]): readonly string[] {
  const merged = new Map(env.map((entry) => [entry.split('=', 1)[0] ?? '', entry]));
  for (const { name, value } of pairs) merged.set(name, `${name}=${value}`);
  return [...merged.values()];
}

function healthcheckOf(instruction: HealthcheckInstruction): JsonObject {
  const { command, interval, timeout, startPeriod, startInterval, retries } = instruction;
  if (command === undefined) return { Test: ['NONE'] };
  const test =
    command.form === 'exec' ? ['CMD', ...command.arguments] : ['CMD-SHELL', command.text];
  const numbers = {
    Interval: interval,
    Timeout: timeout,
    StartPeriod: startPeriod,
    StartInterval: startInterval,
    Retries: retries,
  };
  const given = Object.entries(numbers).filter(([, number]) => number !== 0);
  return { Test: test, ...Object.fromEntries(given) };
}

function withKeys(before: Json | undefined, keys: readonly string[]): JsonObject {
  return { ...objectOf(before), ...Object.fromEntries(keys.map((key) => [key, {}])) };
}

function fromPairs(pairs: readonly Pair[]): Readonly<Record<string, string>> {
  return Object.fromEntries(pairs.map(({ name, value }) => [name, value]));
}

/** Reads a list of texts out of a config; everything else counts as none. */
export function listOf(json: Json | undefined): readonly string[] {
  return Array.isArray(json) ? json.filter((item) => typeof item === 'string') : [];
}

function objectOf(json: Json | undefined): JsonObject {
  return isJsonObject(json) ? json : {};
}
