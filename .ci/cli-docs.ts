/**
 * Writes docs/cli.md from the table of commands and the table of settings (`npm run docs`). A test fails
 * when the document is not what the tables say.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandSpec, OptionSpec } from '../src/cli/command.ts';
import { commands } from '../src/cli/commands/index.ts';
import { environmentName, settingNames, settings } from '../src/config/index.ts';

/** Returns the text of docs/cli.md. */
export function cliDocument(): string {
  return `# Commands and settings

Written by \`npm run docs\` from the tables in \`src/cli/commands/\` and \`src/config/settings.ts\`.

${commands.flatMap((command) => sectionsOf(command, ['s2oci'])).join('\n\n')}

## Settings

Each can stand in \`$XDG_CONFIG_HOME/s2oci/config.json\` (or the file that \`S2OCI_CONFIG\` names) under its name. Flags win over
the environment, the environment over the file.

| name | environment variable | meaning | must be |
|---|---|---|---|
${settingNames.map(settingRow).join('\n')}

\`NO_COLOR\` and \`FORCE_COLOR\` are honoured. \`S2OCI_DEBUG=1\` adds stack traces to error messages.
`;
}

function sectionsOf(command: CommandSpec, parents: readonly string[]): readonly string[] {
  const path = [...parents, command.name];
  const words = (command.arguments ?? []).map(({ name }) => name);
  const children = (command.subcommands ?? []).flatMap((child) => sectionsOf(child, path));
  if (command.run === undefined) return children;
  return [sectionOf(command, [...path, ...words].join(' ')), ...children];
}

function sectionOf(command: CommandSpec, usage: string): string {
  const summary = command.description ?? `${command.summary}.`;
  const parts = [
    `## ${usage.split(/ [<[]/)[0]}`,
    summary.charAt(0).toUpperCase() + summary.slice(1),
    indent([`${usage}${command.options === undefined ? '' : ' [options]'}`]),
    table((command.arguments ?? []).map(({ name, description }) => [name, description])),
    table((command.options ?? []).map((option) => [option.flags, optionText(option)])),
    indent(command.examples ?? []),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function optionText({ description, choices, defaultValue, repeatable }: OptionSpec): string {
  const listed = choices === undefined ? '' : `: ${choices.join(', ')}`;
  const preset = defaultValue === undefined ? '' : ` (default: \`${defaultValue}\`)`;
  return `${description}${listed}${preset}${repeatable ? '; may be repeated' : ''}`;
}

function settingRow(name: (typeof settingNames)[number]): string {
  const { description, kind } = settings[name];
  return `| \`${name}\` | \`${environmentName(name)}\` | ${description} | ${kind.expects} |`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return '';
  const lines = rows.map(([name, text]) => `| \`${name}\` | ${text.replaceAll('|', '\\|')} |`);
  return ['| | |', '|---|---|', ...lines].join('\n');
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `    ${line}`).join('\n');
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, '../docs/cli.md'), cliDocument());
