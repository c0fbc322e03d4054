/**
 * Static programs of a few instructions, written by ourselves: what Node cannot do and no tool of the machine
 * does either (System V ABI, chapter 4).
 */

/** The code of a program for one architecture. */
export interface ProgramCode {
  /** ELF machine number. */
  readonly machine: number;
  /** Instructions, and behind them whatever data they use. */
  readonly code: Uint8Array;
}

const loadAddress = 0x400000;
const headerSize = 64;
const programHeaderSize = 56;

/** The address at which the code of a program begins when it runs. */
export const codeAddress = loadAddress + headerSize + programHeaderSize;

/** Returns a 64-bit little-endian ELF file with one segment that is the whole file. */
export function staticElf({ machine, code }: ProgramCode): Uint8Array {
  const file = Buffer.alloc(headerSize + programHeaderSize + code.length);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(2, 16); // ET_EXEC
  file.writeUInt16LE(machine, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(codeAddress), 24); // entry
  file.writeBigUInt64LE(BigInt(headerSize), 32); // program headers
  file.writeUInt16LE(headerSize, 52);
  file.writeUInt16LE(programHeaderSize, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, headerSize); // PT_LOAD
  file.writeUInt32LE(5, headerSize + 4); // read and execute
  file.writeBigUInt64LE(BigInt(loadAddress), headerSize + 16);
  file.writeBigUInt64LE(BigInt(loadAddress), headerSize + 24);
  file.writeBigUInt64LE(BigInt(file.length), headerSize + 32);
  file.writeBigUInt64LE(BigInt(file.length), headerSize + 40);
  file.writeBigUInt64LE(0x1000n, headerSize + 48);
  file.set(code, headerSize + programHeaderSize);
  return file;
}
