/**
 * The command line of a script: the image's ENTRYPOINT in front, as source-to-image runs it, so that an image can
 * prepare its environment there.
 */

import type { ExecutionConfig } from '../model/index.ts';

/** How a script is started. */
export interface ScriptCommandInput {
  readonly execution: Pick<ExecutionConfig, 'entrypoint'>;
  /** Path of the script in the container. */
  readonly path: string;
  /** False leaves the ENTRYPOINT out. */
  readonly useEntrypoint?: boolean;
  /** The script has neither a `#!` line nor the form of a program, and is read by a shell: see `needsShell`. */
  readonly viaShell?: boolean;
}

/** Returns the argument array. */
export function scriptCommand(input: ScriptCommandInput): readonly string[] {
  const entrypoint = input.useEntrypoint === false ? [] : input.execution.entrypoint;
  return [...entrypoint, ...(input.viaShell === true ? ['/bin/sh', input.path] : [input.path])];
}

/** Tells from its first bytes whether a script has to be read by a shell, as shells do with such files. */
export function needsShell(head: Uint8Array): boolean {
  const magic = Buffer.from(head.subarray(0, 4)).toString('latin1');
  return head.length > 0 && !magic.startsWith('#!') && magic !== '\u007fELF';
}
