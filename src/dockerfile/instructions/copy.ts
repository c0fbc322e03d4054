/** COPY and ADD. */

import { problem, type ReadContext, writtenOf } from '../context.ts';
import { findHeredocs } from '../heredoc.ts';
import type { Statement } from '../lines.ts';
import type { CopyInstruction } from '../types.ts';
import { plainWords, type Word } from '../words.ts';
import { parseJsonList } from './command.ts';
import { type FlagKind, type Flags, parseFlags } from './flags.ts';

const shared = {
  chown: 'value',
  chmod: 'value',
  link: 'boolean',
  parents: 'boolean',
  exclude: 'list',
} as const;
const known: Readonly<Record<'copy' | 'add', Readonly<Record<string, FlagKind>>>> = {
  copy: { ...shared, from: 'value' },
  add: { ...shared, 'keep-git-dir': 'boolean', checksum: 'value', unpack: 'boolean' },
};

/** Reads COPY or ADD. */
export function parseCopy(
  kind: 'copy' | 'add',
  statement: Statement,
  context: ReadContext,
): CopyInstruction | undefined {
  const flags = parseFlags(statement, known[kind], context);
  const words = wordsOf(flags.rest, statement, context);
  const starts = new Set(
    findHeredocs(statement.rest, context.escapeCharacter).map(({ word }) => word),
  );
  const destination = words.at(-1);
  const sources = words.slice(0, -1);
  if (destination === undefined || sources.length === 0)
    return problem(context, statement, 'needs at least one source and a destination', {
      suggestion: `write ${statement.keyword} source destination`,
    });
  if (starts.has(destination))
    return problem(context, statement, 'a here-document cannot be the destination');
  return {
    kind,
    ...writtenOf(statement),
    sources: sources.filter((source) => !starts.has(source)),
    inline: statement.heredocs,
    destination,
    ...optionsOf(flags),
  };
}

function wordsOf(rest: Word, statement: Statement, context: ReadContext): readonly string[] {
  const list = parseJsonList(rest.text, statement, context);
  return list ?? plainWords(rest.text).map(({ text }) => text);
}

function optionsOf(
  flags: Flags,
): Omit<
  CopyInstruction,
  'kind' | 'position' | 'endLine' | 'original' | 'sources' | 'inline' | 'destination'
> {
  const from = flags.value('from');
  const owner = flags.value('chown');
  const mode = flags.value('chmod');
  const checksum = flags.value('checksum');
  const unpack = flags.list('unpack').length > 0 ? { unpack: flags.isSet('unpack') } : {};
  return {
    ...(from === undefined ? {} : { from }),
    ...(owner === undefined ? {} : { owner }),
    ...(mode === undefined ? {} : { mode }),
    link: flags.isSet('link'),
    parents: flags.isSet('parents'),
    exclude: flags.list('exclude').map(({ value = '' }) => value),
    keepGitDir: flags.isSet('keep-git-dir'),
    ...(checksum === undefined ? {} : { checksum }),
    ...unpack,
  };
}
