/**
 * What users of source-to-image type and the parser does not take, rewritten to what it takes:
 *
 * - `-v` in front of `/host:/container` is `--volume`, any other `-v` is `--verbose`;
 * - `--flag=true` is `--flag`, and `--flag=false` is as good as nothing;
 * - options of the program in front of the command go behind it;
 * - behind the image of `run` stands a command with options of its own.
 */

import type { CommandSpec } from './command.ts';

/** Options of every command of source-to-image, and whether they take a value. */
const programOptions: Readonly<Record<string, boolean>> = {
  '-U': true,
  '--url': true,
  '--cert': true,
  '--key': true,
  '--ca': true,
  '--tls': false,
  '--tlsverify': false,
  '--loglevel': true,
};

/** Rewrites arguments for the parser; what stands behind `--` is left as it is. */
export function normalizeArguments(
  argv: readonly string[],
  commands: readonly CommandSpec[],
): readonly string[] {
  const { before, rest } = leading(argv);
  const [name, ...words] = rest;
  const command = commands.find((candidate) => candidate.name === name);
  if (name === undefined || command === undefined) return argv;
  const own = words.slice(0, ownWords(words, command));
  const others = words.slice(own.length);
  const dashes = command.takesCommand === true && others[0] !== '--' ? ['--'] : [];
  return [name, ...before, ...rewrite(own, command), ...dashes, ...others];
}

/** How many words are for the command itself: those in front of `--` or of what its first argument is to run. */
function ownWords(words: readonly string[], command: CommandSpec): number {
  const end = words.indexOf('--');
  const own = end === -1 ? words.length : end;
  if (command.takesCommand !== true) return own;
  const withValue = new Set(flagNames(command, (flags) => /[<[]/.test(flags)));
  let at = 0;
  while (at < own && /^-./.test(words[at] ?? ''))
    at += takesNext(words[at] ?? '', withValue) ? 2 : 1;
  return Math.min(at + 1, own);
}

/** Whether the value of an option is the next word; of `-qe A=1` it is, of `-eA=1` and `--env=A=1` it is not. */
function takesNext(word: string, withValue: ReadonlySet<string>): boolean {
  if (word.startsWith('--')) return withValue.has(word);
  const letters = [...word.slice(1)];
  const first = letters.findIndex((letter) => withValue.has(`-${letter}`));
  return first !== -1 && first === letters.length - 1;
}

/** The spellings of those options of a command whose flags a test takes. */
function flagNames(command: CommandSpec, test: (flags: string) => boolean): readonly string[] {
  return (command.options ?? [])
    .filter(({ flags }) => test(flags))
    .flatMap(({ flags }) => flags.split(/[\s,]+/).filter((word) => word.startsWith('-')));
}

function leading(argv: readonly string[]) {
  let at = 0;
  while (Object.hasOwn(programOptions, nameOf(argv[at]))) {
    const word = argv[at] ?? '';
    at += programOptions[nameOf(word)] === true && !word.includes('=') ? 2 : 1;
  }
  return { before: argv.slice(0, at), rest: argv.slice(at) };
}

function rewrite(words: readonly string[], command: CommandSpec): readonly string[] {
  const flags = new Set(flagNames(command, (flags) => !/[<[]/.test(flags)));
  const takesVolumes = command.options?.some(({ flags }) => flags.startsWith('-v, --volume '));
  return words.flatMap((word, at) => {
    if (word === '-v') {
      const isVolume = takesVolumes === true && /^\/[^:]*:\//.test(words[at + 1] ?? '');
      return isVolume ? ['--volume'] : ['--verbose'];
    }
    const [, name = '', value] = /^(--?[A-Za-z-]+)=(true|false)$/.exec(word) ?? [];
    if (!flags.has(name)) return [word];
    return value === 'true' ? [name] : [];
  });
}

function nameOf(word: string | undefined): string {
  return (word ?? '').split('=', 1)[0] ?? '';
}
