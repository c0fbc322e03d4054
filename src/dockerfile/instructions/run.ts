/** RUN: its command, its flags, and the script that a here-document can be. */

import { problem, type ReadContext, shown, writtenOf } from '../context.ts';
import { findHeredocs } from '../heredoc.ts';
import type { Statement } from '../lines.ts';
import type { Command, RunInstruction } from '../types.ts';
import type { Word } from '../words.ts';
import { parseCommand } from './command.ts';
import { type Flags, parseFlags } from './flags.ts';
import { parseMount } from './mount.ts';

const known = { mount: 'list', network: 'value', security: 'value' } as const;

/** Reads RUN. */
export function parseRun(statement: Statement, context: ReadContext): RunInstruction | undefined {
  const flags = parseFlags(statement, known, context);
  refuseSecurity(flags, statement, context);
  const mounts = flags
    .list('mount')
    .flatMap(
      ({ value = '', offset }) => parseMount({ text: value, offset }, statement, context) ?? [],
    );
  const network = networkOf(flags, statement, context);
  if (flags.rest.text === '')
    return problem(context, statement, 'has no command', {
      suggestion: 'write RUN and a command line behind the flags',
    });
  return {
    kind: 'run',
    ...writtenOf(statement),
    ...commandOf(flags.rest, statement, context),
    mounts,
    network,
  };
}

/** A command that is nothing but one heredoc is its content; in any other the shell itself reads the heredocs. */
function commandOf(
  rest: Word,
  statement: Statement,
  context: ReadContext,
): Pick<RunInstruction, 'command' | 'script'> {
  const { heredocs } = statement;
  if (heredocs.length === 0) return { command: parseCommand(rest, statement, context) };
  const [heredoc] = heredocs;
  const isAll = findHeredocs(rest.text, context.escapeCharacter)[0]?.word === rest.text;
  if (isAll && heredoc !== undefined) {
    const { name, content } = heredoc;
    const command: Command = { form: 'shell', text: content };
    return content.startsWith('#!') ? { command, script: { name, content } } : { command };
  }
  const bodies = heredocs.map(({ name, content }) => `\n${content}${name}`);
  return { command: { form: 'shell', text: `${rest.text}${bodies.join('')}` } };
}

function networkOf(
  flags: Flags,
  statement: Statement,
  context: ReadContext,
): RunInstruction['network'] {
  const network = flags.value('network') ?? 'default';
  if (network === 'default' || network === 'none' || network === 'host') return network;
  const offset = flags.list('network')[0]?.offset ?? 0;
  problem(context, statement, `${shown(network)} is no network`, {
    suggestion: 'use --network=default, none or host',
    offset,
  });
  return 'default';
}

function refuseSecurity(flags: Flags, statement: Statement, context: ReadContext): void {
  const security = flags.value('security') ?? 'sandbox';
  if (security === 'sandbox') return;
  problem(context, statement, `--security=${security} is not supported`, {
    suggestion: 'a build never leaves its sandbox: leave the flag out',
  });
}
