/**
 * A root filesystem to probe executors with: one static program of a dozen instructions that we write
 * ourselves and that exits with a number of its own. So a probe needs nothing from the machine, and a
 * right answer proves that the program really ran in there.
 */

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { type ProgramCode, staticElf } from '../machine/elf.ts';

/** The exit code of the probe program. */
export const probeExitCode = 42;

/** `exit(42)` by architecture. */
const codes: Readonly<Record<string, ProgramCode>> = {
  // mov edi,42; mov eax,60; syscall
  x64: { machine: 62, code: Buffer.from('bf2a000000b83c0000000f05', 'hex') },
  // mov x0,#42; mov x8,#93; svc #0
  arm64: { machine: 183, code: Buffer.from('400580d2a80b80d2010000d4', 'hex') },
  // li a0,42; li a7,93; ecall
  riscv64: { machine: 243, code: Buffer.from('1305a0029308d00573000000', 'hex') },
};

/** A probe root filesystem on disk; disposing removes it. */
export interface ProbeRootfs extends Disposable {
  readonly path: string;
  /** The program in it, as an absolute path in the container. */
  readonly program: string;
}

/** Writes a probe root filesystem below a directory; undefined on an architecture we have no program for. */
export function createProbeRootfs(parent: string): ProbeRootfs | undefined {
  const probe = codes[arch()];
  if (probe === undefined) return undefined;
  const path = mkdtempSync(join(parent, 'probe-'));
  chmodSync(path, 0o755);
  for (const directory of ['proc', 'sys', 'dev', 'tmp']) mkdirSync(join(path, directory));
  writeFileSync(join(path, 'probe'), staticElf(probe), { mode: 0o755 });
  chmodSync(join(path, 'probe'), 0o755);
  return {
    path,
    program: '/probe',
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
