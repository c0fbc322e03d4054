/** Executes classic BPF the way the kernel does for seccomp, to see what a filter answers. */

/** One system call as a filter sees it. */
export interface SeccompData {
  readonly number: number;
  readonly architecture: number;
  readonly args: readonly bigint[];
}

interface Instruction {
  readonly code: number;
  readonly whenTrue: number;
  readonly whenFalse: number;
  readonly k: number;
}

/** BPF_JMP with BPF_JEQ, BPF_JGT and BPF_JGE. */
const tests: Readonly<Record<number, (accumulator: number, k: number) => boolean>> = {
  21: (accumulator, k) => accumulator === k,
  37: (accumulator, k) => accumulator > k,
  53: (accumulator, k) => accumulator >= k,
};

/** Runs a program; returns the 32-bit action. Throws where the kernel would refuse the program. */
export function runBpf(program: Uint8Array, data: SeccompData): number {
  const instructions = decode(Buffer.from(program));
  const memory = memoryOf(data);
  let accumulator = 0;
  for (let at = 0; at < instructions.length; at++) {
    const { code, k, whenTrue, whenFalse } = instructions[at] as Instruction;
    if (code === 0x06) return k;
    accumulator = load(code, k, accumulator, memory);
    if (code === 0x05) at += k;
    const test = tests[code];
    if (test !== undefined) at += test(accumulator, k) ? whenTrue : whenFalse;
  }
  throw new Error('the program ran off its end');
}

/** The instructions that change the accumulator: BPF_LD, BPF_ALU|BPF_AND. */
function load(code: number, k: number, accumulator: number, memory: Buffer): number {
  if (code === 0x20) return memory.readUInt32LE(k);
  return code === 0x54 ? (accumulator & k) >>> 0 : accumulator;
}

function decode(program: Buffer): readonly Instruction[] {
  const count = program.length / 8;
  if (!Number.isInteger(count) || count > 4096) throw new Error('bad program length');
  return Array.from({ length: count }, (_, index) => ({
    code: program.readUInt16LE(index * 8),
    whenTrue: program.readUInt8(index * 8 + 2),
    whenFalse: program.readUInt8(index * 8 + 3),
    k: program.readUInt32LE(index * 8 + 4),
  }));
}

/** struct seccomp_data (linux/seccomp.h). */
function memoryOf({ number, architecture, args }: SeccompData): Buffer {
  const memory = Buffer.alloc(64);
  memory.writeUInt32LE(number, 0);
  memory.writeUInt32LE(architecture, 4);
  for (const [index, arg] of args.entries()) memory.writeBigUInt64LE(arg, 16 + 8 * index);
  return memory;
}
