/** Completion for bash: one function that finds the command on the line, then offers what fits. */

import type { FlatCommand } from './table.ts';

/** Writes the script; `source <(s2oci completion bash)` loads it. */
export function bashCompletion(program: string, commands: readonly FlatCommand[]): string {
  const fn = `_${program}`;
  return `# bash completion for ${program}
${fn}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local path='' word skip=0 i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $word == '=' ]]; then skip=1; continue; fi
    if ((skip)); then skip=0; continue; fi
    case "$path $word" in
${commands
  .filter(({ path }) => path.length > 0)
  .map(enterCase)
  .join('\n')}
${commands.flatMap(skipCases).join('\n')}
    esac
  done
  # bash makes "=" a word of its own
  if [[ $cur == '=' ]]; then cur=''; elif [[ $prev == '=' ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  case "$path $prev" in
${commands.flatMap(valueCases).join('\n')}
  esac
  case "$path" in
${commands.map(offerCase).join('\n')}
  esac
}
complete -o bashdefault -o default -F ${fn} ${program}
`;
}

/** The path of a command as the script keeps it: a blank before each word. */
function key(path: readonly string[]): string {
  return path.map((word) => ` ${word}`).join('');
}

function enterCase({ path }: FlatCommand): string {
  return `      '${key(path)}') path='${key(path)}' ;;`;
}

/** Options whose value must not be taken for a command. */
function skipCases({ path, options }: FlatCommand): readonly string[] {
  const names = options.filter(({ value }) => value !== undefined).flatMap(({ names }) => names);
  if (names.length === 0) return [];
  return [`      ${names.map((name) => `'${key(path)} ${name}'`).join('|')}) skip=1 ;;`];
}

/** After an option with a value: its choices, or file names by bash's own default. */
function valueCases({ path, options }: FlatCommand): readonly string[] {
  return options
    .filter(({ value }) => value !== undefined)
    .map(({ names, choices }) => {
      const patterns = names.map((name) => `'${key(path)} ${name}'`).join('|');
      const offer =
        choices.length === 0 ? '' : `COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$cur")); `;
      return `    ${patterns}) ${offer}return ;;`;
    });
}

function offerCase({ path, options, subcommands }: FlatCommand): string {
  const words = subcommands.map(({ name }) => name).join(' ');
  const flags = options.flatMap(({ names }) => names).join(' ');
  const offers = [
    `if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '${flags}' -- "$cur"))`,
    ...(words === '' ? [] : [`else COMPREPLY=($(compgen -W '${words}' -- "$cur"))`]),
    'fi',
  ];
  return `    '${key(path)}') ${offers.join('; ')} ;;`;
}
