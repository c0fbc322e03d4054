/** Completion for zsh: one function for each command, by way of `_arguments`. */

import type { FlatCommand, FlatOption } from './table.ts';

/** Writes the script; it goes as `_s2oci` into a directory of `fpath`. */
export function zshCompletion(program: string, commands: readonly FlatCommand[]): string {
  const name = (path: readonly string[]) => ['', program, ...path].join('_').replaceAll('-', '_');
  return `#compdef ${program}

${commands.map((command) => functionOf(command, name)).join('\n\n')}

if [[ $funcstack[1] == _${program} ]]; then
  _${program} "$@"
else
  compdef _${program} ${program}
fi
`;
}

function functionOf(command: FlatCommand, name: (path: readonly string[]) => string): string {
  const { path, options, subcommands } = command;
  const specs = options.flatMap(optionSpecs);
  if (subcommands.length === 0) {
    return `${name(path)}() {\n${argumentsCall([...specs, "'*:file:_files'"])}\n}`;
  }
  const described = subcommands.map(
    (sub) => `    ${quote(`${escaped(sub.name)}:${escaped(sub.summary)}`)}`,
  );
  const branches = subcommands.map((sub) => `      ${sub.name}) ${name([...path, sub.name])} ;;`);
  return `${name(path)}() {
  local context state state_descr line
  typeset -A opt_args
  local -a commands=(
${described.join('\n')}
  )
${argumentsCall(['-C', ...specs, "'1:command:->command'", "'*::argument:->argument'"])}
  case $state in
    command) _describe command commands ;;
    argument) case $line[1] in
${branches.join('\n')}
    esac ;;
  esac
}`;
}

function argumentsCall(specs: readonly string[]): string {
  return `  _arguments ${specs.join(' \\\n    ')}`;
}

/** One spec for each name; the names of one option exclude each other unless it may be repeated. */
function optionSpecs({
  names,
  description,
  value,
  choices,
  repeatable,
}: FlatOption): readonly string[] {
  const others = repeatable ? '*' : names.length > 1 ? `(${names.join(' ')})` : '';
  const action = choices.length > 0 ? `(${choices.join(' ')})` : '_files';
  const argument = value === undefined ? '' : `:${escaped(value)}:${action}`;
  return names.map((name) => quote(`${others}${name}[${escaped(description)}]${argument}`));
}

/** What has a meaning inside a spec. */
function escaped(text: string): string {
  return text.replace(/[\\:[\]]/g, '\\$&');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
