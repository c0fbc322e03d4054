/**
 * Resolves the texts of an instruction with the variables of its stage at that moment, and checks what comes of it.
 *
 * RUN, CMD, ENTRYPOINT, HEALTHCHECK, SHELL and the triggers of ONBUILD keep their variables for the shell; of RUN only
 * the mounts are resolved.
 */

import { type ExpandOptions, expandContent, expandWord, expandWords } from './expand.ts';
import { ExpansionFault } from './expansion-fault.ts';
import { invalidDockerfile } from './problems.ts';
import { lookupIn, type Scope } from './scope.ts';
import type { CopyInstruction, Instruction, Mount, RunInstruction } from './types.ts';
import { normalize } from './validate.ts';

/**
 * Returns the instruction with every text resolved: names, paths, ports and values are what they mean.
 *
 * @param name of the Dockerfile, for the message
 * @throws BuildError `DOCKERFILE_INVALID` with line and column
 */
export function expandInstruction<T extends Instruction>(
  instruction: T,
  scope: Scope,
  name: string,
): T {
  try {
    return normalize(resolveTexts(instruction, lookupIn(scope))) as T;
  } catch (error) {
    if (!(error instanceof ExpansionFault)) throw error;
    const message = `${instruction.kind.toUpperCase()}: ${error.message}`;
    throw invalidDockerfile(name, [{ position: instruction.position, message }]);
  }
}

/**
 * Resolves the texts and checks nothing; the kind stays the same.
 *
 * @throws ExpansionFault
 */
export function resolveTexts(instruction: Instruction, options: ExpandOptions): Instruction {
  const word = (text: string): string => expandWord(text, options);
  switch (instruction.kind) {
    case 'arg':
      return { ...instruction, declarations: instruction.declarations.map(resolveNameOf(word)) };
    case 'env':
    case 'label':
      return {
        ...instruction,
        pairs: instruction.pairs.map(({ name, value }) => ({
          name: word(name),
          value: word(value),
        })),
      };
    case 'copy':
    case 'add':
      return resolveCopy(instruction, options);
    case 'run':
      return resolveRun(instruction, word);
    case 'workdir':
      return { ...instruction, path: word(instruction.path) };
    case 'user':
      return { ...instruction, user: word(instruction.user) };
    case 'stopsignal':
      return { ...instruction, signal: word(instruction.signal) };
    case 'expose':
      return {
        ...instruction,
        ports: instruction.ports.flatMap((port) => expandWords(port, options)),
      };
    case 'volume':
      return { ...instruction, paths: instruction.paths.map(word) };
    default:
      return instruction;
  }
}

/** The default of an argument is resolved when it is declared, because the ones in front of it count. */
function resolveNameOf(word: (text: string) => string) {
  return <T extends { readonly name: string }>(one: T): T => ({ ...one, name: word(one.name) });
}

function resolveCopy(instruction: CopyInstruction, options: ExpandOptions): CopyInstruction {
  const word = (text: string): string => expandWord(text, options);
  const { owner, mode, checksum } = instruction;
  return {
    ...instruction,
    sources: instruction.sources.map(word),
    destination: word(instruction.destination),
    inline: instruction.inline.map((heredoc) =>
      heredoc.expand ? { ...heredoc, content: expandContent(heredoc.content, options) } : heredoc,
    ),
    exclude: instruction.exclude.map(word),
    ...(owner === undefined ? {} : { owner: word(owner) }),
    ...(mode === undefined ? {} : { mode: word(mode) }),
    ...(checksum === undefined ? {} : { checksum: word(checksum) }),
  };
}

function resolveRun(instruction: RunInstruction, word: (text: string) => string): RunInstruction {
  return { ...instruction, mounts: instruction.mounts.map((mount) => resolveMount(mount, word)) };
}

/** Targets, sources and ids; `from` names a stage and is fixed before anything runs. */
function resolveMount(mount: Mount, word: (text: string) => string): Mount {
  if (mount.type === 'tmpfs') return { ...mount, target: word(mount.target) };
  if (mount.type === 'bind')
    return { ...mount, target: word(mount.target), source: word(mount.source) };
  if (mount.type === 'cache')
    return {
      ...mount,
      target: word(mount.target),
      source: word(mount.source),
      id: word(mount.id),
    };
  const { target } = mount;
  return {
    ...mount,
    id: word(mount.id),
    ...(target === undefined ? {} : { target: word(target) }),
  };
}
