/**
 * Commands as data: one table drives the parser, the help texts, the shell completions and the docs.
 */

import type { Readable } from 'node:stream';

/** One option of a command. */
export interface OptionSpec {
  /** As commander takes it: `-e, --env <NAME=VALUE>`; `--no-color` for a negated flag. */
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
  readonly defaultValue?: string;
  /** May be given several times; its value is a list. */
  readonly repeatable?: boolean;
  /** A flag whose name begins with `no-` without being the opposite of another: `--no-cache` is the value `noCache`. */
  readonly standsAlone?: boolean;
}

/** One positional argument: `<name>` when required, `[name]` when optional, `[name...]` for the rest. */
export interface ArgumentSpec {
  readonly name: string;
  readonly description: string;
}

/** A command, or a group of commands. */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** Longer help, shown above the options. */
  readonly description?: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  /** Lines a user could type, shown at the end of the help. */
  readonly examples?: readonly string[];
  readonly subcommands?: readonly CommandSpec[];
  /** Behind its first argument stands a command, whose options are not ours. */
  readonly takesCommand?: boolean;
  /** Runs the command and returns the exit code; throws BuildError for every expected failure. */
  readonly run?: (invocation: Invocation) => Promise<number>;
}

/** Values of options by their camel-cased long name. */
export type OptionValues = Readonly<
  Record<string, string | boolean | readonly string[] | undefined>
>;

/** What the user typed, and the world it was typed in. */
export interface Invocation {
  readonly args: readonly string[];
  readonly options: OptionValues;
  readonly io: CommandIo;
}

/** The outside world of a command. */
export interface CommandIo {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly stdin: Readable;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The Node executable that runs this program. */
  readonly node: string;
  /** Program and arguments that start this program anew, without those of the command. */
  readonly self: readonly string[];
  /** The arguments as they were typed. */
  readonly argv: readonly string[];
  /** Becomes another program with another environment (execve(2)); the first argument is its name. */
  readonly replaceProcess: (
    file: string,
    argv: readonly string[],
    env: Readonly<Record<string, string>>,
  ) => void;
  /** Processor architecture as Node names it. */
  readonly arch: string;
  readonly uid: number;
  readonly gid: number;
  /** Aborts when the user or the system asks the program to stop. */
  readonly signal: AbortSignal;
}

/** A terminal or a pipe. */
export interface OutputStream {
  write(text: string | Uint8Array): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** Reads a string option. */
export function textOption(options: OptionValues, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/** Reads a repeatable option. */
export function listOption(options: OptionValues, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? value : [];
}

/** Reads a flag. */
export function flagOption(options: OptionValues, name: string): boolean {
  return options[name] === true;
}
