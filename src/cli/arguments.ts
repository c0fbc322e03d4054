/**
 * What users of source-to-image type and the parser does not take, rewritten to what it takes:
 *
 * - `-v` in front of `/host:/container` is `--volume`, any other `-v` is `--verbose`;
 * - `--flag=true` is `--flag`, and `--flag=false` is as good as nothing;
 * - options of the program in front of the command go behind it.
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
  const end = words.indexOf('--');
  const own = end === -1 ? words : words.slice(0, end);
  return [name, ...before, ...rewrite(own, command), ...words.slice(own.length)];
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
  const flags = new Set(
    (command.options ?? [])
      .filter(({ flags }) => !/[<[]/.test(flags))
      .flatMap(({ flags }) => flags.split(/[\s,]+/)),
  );
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
