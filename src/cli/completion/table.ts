/** The table of commands, flattened to what a shell has to know: the place of each command and its options. */

/** What the completions need of one option; `OptionSpec` fits. */
export interface CompletionOption {
  /** `-e, --env <NAME=VALUE>` */
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
  readonly repeatable?: boolean;
}

/** What the completions need of one command; `CommandSpec` fits. */
export interface CompletionCommand {
  readonly name: string;
  readonly summary: string;
  readonly options?: readonly CompletionOption[];
  readonly subcommands?: readonly CompletionCommand[];
}

/** One option, taken apart. */
export interface FlatOption {
  /** `-e`, `--env` */
  readonly names: readonly string[];
  readonly description: string;
  /** What the value is called; undefined when the option takes none. */
  readonly value: string | undefined;
  readonly choices: readonly string[];
  readonly repeatable: boolean;
}

/** One command with its place: no words for the program itself, `['store', 'prune']` for a subcommand. */
export interface FlatCommand {
  readonly path: readonly string[];
  readonly summary: string;
  readonly options: readonly FlatOption[];
  readonly subcommands: readonly { readonly name: string; readonly summary: string }[];
}

const help: CompletionOption = { flags: '-h, --help', description: 'show help' };

/** Flattens a program: itself first, then its commands in their order, each before its subcommands. */
export function flatten(
  program: CompletionCommand,
  path: readonly string[] = [],
): readonly FlatCommand[] {
  const { summary, options = [], subcommands = [] } = program;
  const own: FlatCommand = {
    path,
    summary,
    options: [...options, help].map(parseOption),
    subcommands: subcommands.map(({ name, summary }) => ({ name, summary })),
  };
  return [own, ...subcommands.flatMap((child) => flatten(child, [...path, child.name]))];
}

function parseOption({ flags, description, choices, repeatable }: CompletionOption): FlatOption {
  const words = flags.split(/[\s,]+/);
  const names = words.filter((word) => word.startsWith('-'));
  const value = words.find((word) => /^[<[]/.test(word))?.replace(/^[<[]|[\]>.]+$/g, '');
  return { names, description, value, choices: choices ?? [], repeatable: repeatable ?? false };
}
