/**
 * A root filesystem to probe executors with: one static program of a dozen instructions that we write
 * ourselves and that exits with a number of its own. So a probe needs nothing from the machine, and a
 * right answer proves that the program really ran in there.
 */

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';

/** The exit code of the probe program. */
export const probeExitCode = 42;

/** ELF machine number and the code of `exit(42)` of an architecture. */
interface ProbeCode {
  readonly machine: number;
  readonly code: string;
}

const codes: Readonly<Record<string, ProbeCode>> = {
  // mov edi,42; mov eax,60; syscall
  x64: { machine: 62, code: 'bf2a000000b83c0000000f05' },
  // mov x0,#42; mov x8,#93; svc #0
  arm64: { machine: 183, code: '400580d2a80b80d2010000d4' },
  // li a0,42; li a7,93; ecall
  riscv64: { machine: 243, code: '1305a0029308d00573000000' },
};

const loadAddress = 0x400000n;
const headerSize = 64;
const programHeaderSize = 56;

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

/** A 64-bit little-endian ELF file with one segment that is the whole file (System V ABI, chapter 4). */
function staticElf({ machine, code }: ProbeCode): Uint8Array {
  const text = Buffer.from(code, 'hex');
  const codeOffset = headerSize + programHeaderSize;
  const file = Buffer.alloc(codeOffset + text.length);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(2, 16); // ET_EXEC
  file.writeUInt16LE(machine, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(loadAddress + BigInt(codeOffset), 24); // entry
  file.writeBigUInt64LE(BigInt(headerSize), 32); // program headers
  file.writeUInt16LE(headerSize, 52);
  file.writeUInt16LE(programHeaderSize, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, headerSize); // PT_LOAD
  file.writeUInt32LE(5, headerSize + 4); // read and execute
  file.writeBigUInt64LE(loadAddress, headerSize + 16);
  file.writeBigUInt64LE(loadAddress, headerSize + 24);
  file.writeBigUInt64LE(BigInt(file.length), headerSize + 32);
  file.writeBigUInt64LE(BigInt(file.length), headerSize + 40);
  file.writeBigUInt64LE(0x1000n, headerSize + 48);
  file.set(text, codeOffset);
  return file;
}
