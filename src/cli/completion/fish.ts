/** Completion for fish: one line for each command and option, each under the condition of its place. */

import type { FlatCommand, FlatOption } from './table.ts';

/** Writes the script; `s2oci completion fish | source` loads it. */
export function fishCompletion(program: string, commands: readonly FlatCommand[]): string {
  const known = commands
    .filter(({ path }) => path.length > 0)
    .map(({ path }) => quote(path.join(' ')));
  return `# fish completion for ${program}
function __${program}_at
    set -l path
    for word in (commandline -opc)[2..]
        if contains -- (string join ' ' -- $path $word) ${known.join(' ')}
            set -a path $word
        end
    end
    test "$path" = "$argv"
end

${commands.flatMap((command) => linesOf(program, command)).join('\n')}
`;
}

function linesOf(program: string, { path, options, subcommands }: FlatCommand): readonly string[] {
  const at = `complete -c ${program} -n ${quote(`__${program}_at ${path.join(' ')}`.trimEnd())}`;
  return [
    ...subcommands.map(({ name, summary }) => `${at} -f -a ${name} -d ${quote(summary)}`),
    ...options.map((option) => `${at} ${optionWords(option)} -d ${quote(option.description)}`),
  ];
}

function optionWords({ names, value, choices }: FlatOption): string {
  const words = names.map((name) =>
    name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  );
  if (choices.length > 0) return [...words, '-x', `-a ${quote(choices.join(' '))}`].join(' ');
  return value === undefined ? words.join(' ') : [...words, '-r'].join(' ');
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
