/** The instructions that only change the config: WORKDIR, USER, EXPOSE, VOLUME, STOPSIGNAL, MAINTAINER. */

import { problem, type ReadContext, writtenOf } from '../context.ts';
import type { Statement } from '../lines.ts';
import type {
  ExposeInstruction,
  MaintainerInstruction,
  StopsignalInstruction,
  UserInstruction,
  VolumeInstruction,
  WorkdirInstruction,
} from '../types.ts';
import { plainWords } from '../words.ts';
import { parseJsonList } from './command.ts';

/** Reads WORKDIR; the whole rest is the path. */
export function parseWorkdir(statement: Statement): WorkdirInstruction {
  return { kind: 'workdir', ...writtenOf(statement), path: statement.rest };
}

/** Reads USER. */
export function parseUser(statement: Statement, context: ReadContext): UserInstruction | undefined {
  return isOneWord(statement, context)
    ? { kind: 'user', ...writtenOf(statement), user: statement.rest }
    : undefined;
}

/** Reads STOPSIGNAL. */
export function parseStopsignal(
  statement: Statement,
  context: ReadContext,
): StopsignalInstruction | undefined {
  return isOneWord(statement, context)
    ? { kind: 'stopsignal', ...writtenOf(statement), signal: statement.rest }
    : undefined;
}

/** Reads EXPOSE. */
export function parseExpose(statement: Statement): ExposeInstruction {
  const ports = plainWords(statement.rest).map(({ text }) => text);
  return { kind: 'expose', ...writtenOf(statement), ports };
}

/** Reads VOLUME, as a JSON list or as words. */
export function parseVolume(statement: Statement, context: ReadContext): VolumeInstruction {
  const paths =
    parseJsonList(statement.rest, statement, context) ??
    plainWords(statement.rest).map(({ text }) => text);
  return { kind: 'volume', ...writtenOf(statement), paths };
}

/** Reads MAINTAINER. */
export function parseMaintainer(statement: Statement, context: ReadContext): MaintainerInstruction {
  context.warn({
    rule: 'MaintainerDeprecated',
    message:
      'MAINTAINER is deprecated; a label such as org.opencontainers.image.authors says the same',
    position: statement.position,
  });
  return { kind: 'maintainer', ...writtenOf(statement), name: statement.rest };
}

function isOneWord(statement: Statement, context: ReadContext): boolean {
  if (!/\s/.test(statement.rest) || /["'$]/.test(statement.rest)) return true;
  problem(context, statement, 'takes one argument');
  return false;
}
