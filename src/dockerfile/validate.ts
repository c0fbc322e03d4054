/** Checks and normalises instructions whose variables are resolved. */

import { constants } from 'node:os';
import { isDigest } from '../model/index.ts';
import { shown } from './context.ts';
import { ExpansionFault } from './expansion-fault.ts';
import type { CopyInstruction, Instruction, RunInstruction } from './types.ts';

/**
 * Returns the instruction with ports taken apart.
 *
 * @throws ExpansionFault for values that cannot be meant
 */
export function normalize(instruction: Instruction): Instruction {
  switch (instruction.kind) {
    case 'expose':
      return { ...instruction, ports: instruction.ports.flatMap(portsOf) };
    case 'env':
    case 'label':
      for (const { name } of instruction.pairs) requireText(name, 'a name');
      return instruction;
    case 'workdir':
      requireText(instruction.path, 'the path');
      return instruction;
    case 'user':
      requireText(instruction.user, 'the user');
      return instruction;
    case 'volume':
      for (const path of instruction.paths) requireText(path, 'a path');
      return instruction;
    case 'stopsignal':
      return { ...instruction, signal: signalOf(instruction.signal) };
    case 'copy':
    case 'add':
      return checkedCopy(instruction);
    case 'run':
      return checkedRun(instruction);
    default:
      return instruction;
  }
}

const maxPorts = 65_536;

function portsOf(text: string): readonly string[] {
  const match = /^([0-9]{1,5})(?:-([0-9]{1,5}))?(?:\/([A-Za-z]+))?$/.exec(text);
  const [, first = '', last = first, protocol = 'tcp'] = match ?? [];
  const [from, to] = [Number(first), Number(last)];
  const isKnown = ['tcp', 'udp', 'sctp'].includes(protocol.toLowerCase());
  if (match === null || !isKnown || from < 1 || to >= maxPorts || to < from)
    throw new ExpansionFault(`${shown(text)} is no port such as 8080, 53/udp or 8000-8010`);
  return Array.from(
    { length: to - from + 1 },
    (_, index) => `${from + index}/${protocol.toLowerCase()}`,
  );
}

function signalOf(text: string): string {
  const isNumber = /^[0-9]{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= 64;
  const name = text.toUpperCase().replace(/^(?!SIG)/, 'SIG');
  const isRealTime = /^SIGRTM(?:IN(?:\+[0-9]{1,2})?|AX(?:-[0-9]{1,2})?)$/.test(name);
  if (isNumber || isRealTime || Object.hasOwn(constants.signals, name)) return text;
  throw new ExpansionFault(`${shown(text)} is no signal such as SIGTERM or 9`);
}

function checkedCopy(instruction: CopyInstruction): CopyInstruction {
  const { sources, inline, destination, owner, mode, checksum } = instruction;
  requireText(destination, 'the destination');
  for (const source of sources) requireText(source, 'a source');
  if (sources.length + inline.length > 1 && !/(?:^|\/)\.{0,2}$/.test(destination))
    throw new ExpansionFault(
      `the destination ${shown(destination)} of more than one source does not end in "/"`,
    );
  if (owner !== undefined && !/^[^:\s]+(?::[^:\s]+)?$/.test(owner))
    throw new ExpansionFault(`--chown: ${shown(owner)} is no user, or user and group`);
  if (mode !== undefined && !isMode(mode))
    throw new ExpansionFault(`--chmod: ${shown(mode)} is no mode such as 755 or u=rwX,go=rX`);
  if (checksum !== undefined) checkChecksum(checksum, instruction);
  return instruction;
}

function checkChecksum(checksum: string, { sources }: CopyInstruction): void {
  if (!isDigest(checksum))
    throw new ExpansionFault(`--checksum: ${shown(checksum)} is no digest such as sha256:...`);
  if (sources.length !== 1)
    throw new ExpansionFault('--checksum can be checked for one source only');
}

/** An octal number, or clauses such as `u=rwX,go-w` whose permissions are letters. */
function isMode(text: string): boolean {
  if (/^0?[0-7]{1,4}$/.test(text)) return true;
  return text.split(',').every((clause) => {
    const changes = clause.replace(/^[ugoa]+/, '').split(/[-+=]/);
    return (
      changes.length > 1 &&
      changes[0] === '' &&
      changes.every((permissions) => /^(?:[rwxXst]*|[ugo])$/.test(permissions))
    );
  });
}

function checkedRun(instruction: RunInstruction): RunInstruction {
  for (const mount of instruction.mounts) {
    if (mount.target !== undefined) requireText(mount.target, 'the target of a mount');
    if (mount.target === '/') throw new ExpansionFault('--mount: the target cannot be "/"');
  }
  return instruction;
}

function requireText(text: string, what: string): void {
  if (text.trim() === '') throw new ExpansionFault(`${what} is empty`);
}
