/** One statement becomes one instruction; each kind has its reader in `instructions/`. */

import { problem, type ReadContext } from './context.ts';
import { parseCommandInstruction, parseShell } from './instructions/command.ts';
import { parseCopy } from './instructions/copy.ts';
import { parseHealthcheck } from './instructions/healthcheck.ts';
import {
  parseExpose,
  parseMaintainer,
  parseStopsignal,
  parseUser,
  parseVolume,
  parseWorkdir,
} from './instructions/metadata.ts';
import { parseOnbuild, unknownKeyword } from './instructions/onbuild.ts';
import { parseArg, parseEnv, parseLabel } from './instructions/pairs.ts';
import { parseRun } from './instructions/run.ts';
import type { Statement } from './lines.ts';
import { checkStatically } from './static-check.ts';
import type { Instruction } from './types.ts';

type Reader = (statement: Statement, context: ReadContext) => Instruction | undefined;

const readers: Readonly<Record<string, Reader>> = {
  ADD: (statement, context) => parseCopy('add', statement, context),
  ARG: parseArg,
  CMD: (statement, context) => parseCommandInstruction('cmd', statement, context),
  COPY: (statement, context) => parseCopy('copy', statement, context),
  ENTRYPOINT: (statement, context) => parseCommandInstruction('entrypoint', statement, context),
  ENV: parseEnv,
  EXPOSE: parseExpose,
  HEALTHCHECK: parseHealthcheck,
  LABEL: parseLabel,
  MAINTAINER: parseMaintainer,
  ONBUILD: (statement, context) =>
    parseOnbuild(statement, context, (trigger) => parseInstruction(trigger, context)),
  RUN: parseRun,
  SHELL: parseShell,
  STOPSIGNAL: parseStopsignal,
  USER: parseUser,
  VOLUME: parseVolume,
  WORKDIR: parseWorkdir,
};

const keywords = [...Object.keys(readers), 'FROM'];
const mayBeEmpty = new Set(['CMD', 'ENTRYPOINT']);

/** Reads any instruction but FROM; undefined when something about it was noted as a problem. */
export function parseInstruction(
  statement: Statement,
  context: ReadContext,
): Instruction | undefined {
  const reader = Object.hasOwn(readers, statement.keyword) ? readers[statement.keyword] : undefined;
  if (reader === undefined) return unknownKeyword(statement, context, keywords);
  if (statement.rest === '' && !mayBeEmpty.has(statement.keyword))
    return problem(context, statement, 'needs an argument');
  const instruction = reader(statement, context);
  if (instruction !== undefined) checkStatically(instruction, context);
  return instruction;
}
