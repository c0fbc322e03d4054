/** The comments at the very top that are no comments: `# syntax=`, `# escape=`, `# check=`. */

import { displayText } from '../model/index.ts';
import type { Problems } from './problems.ts';
import type { Directives, Warning } from './types.ts';

// linear: the space in front of "=" and the value begin with different characters than what precedes them
const directive = /^\s*#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S.*)$/;

const known = new Set(['escape', 'syntax', 'check']);

/** Reads the directives: the lines at the beginning, up to the first that is none. */
export function parseDirectives(lines: readonly string[], problems: Problems): Directives {
  const found = new Map<string, string>();
  for (const [index, line] of lines.entries()) {
    const [, written = '', value = ''] = directive.exec(line) ?? [];
    const name = written.toLowerCase();
    if (!known.has(name)) break;
    const position = { line: index + 1, column: 1 };
    if (found.has(name)) problems.add(position, `the directive ${name} is given twice`);
    if (name === 'escape' && value.trim() !== '\\' && value.trim() !== '`')
      problems.add(position, 'the escape character is neither \\ nor `');
    found.set(name, value.trim());
  }
  const syntax = found.get('syntax');
  return {
    escapeCharacter: found.get('escape') === '`' ? '`' : '\\',
    ...(syntax === undefined ? {} : { syntax }),
    check: parseCheck(found.get('check') ?? ''),
  };
}

/** `skip=Rule,Rule;error=true` */
function parseCheck(text: string): Directives['check'] {
  const settings = new Map(
    text.split(';').map((setting) => {
      const [name = '', value = ''] = setting.split('=', 2);
      return [name.trim(), value.trim()] as const;
    }),
  );
  const skip = (settings.get('skip') ?? '').split(',').map((rule) => rule.trim());
  return {
    skip: skip.filter((rule) => rule !== ''),
    error: settings.get('error')?.toLowerCase() === 'true',
  };
}

/** Warns of a frontend that is another program than the language known here. */
export function foreignSyntax({ syntax }: Directives): readonly Warning[] {
  if (syntax === undefined || /^(?:docker\.io\/)?docker\/dockerfile(?:[:@-]|$)/.test(syntax))
    return [];
  const message = `"# syntax=${displayText(syntax)}" names another program; the file is read as docker/dockerfile`;
  return [{ rule: 'ForeignSyntax', message, position: { line: 1, column: 1 } }];
}
