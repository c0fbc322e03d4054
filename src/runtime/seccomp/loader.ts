/**
 * A program that puts a seccomp filter on itself and becomes another program: for util-linux, which has none
 * that does. The filter is in it, and its arguments are the program to become and that one's arguments.
 *
 * It is run by way of a descriptor, which it closes, so that it need not exist in the root filesystem.
 */

import { arch } from 'node:os';
import { codeAddress, staticElf } from '../machine/elf.ts';

/** How an architecture calls the kernel. */
interface Assembler {
  /** ELF machine number. */
  readonly machine: number;
  /** Numbers of the system calls that are used. */
  readonly calls: Readonly<Record<'close' | 'prctl' | 'execve' | 'write' | 'exit', number>>;
  /** A system call with constant arguments; its length does not depend on their values. */
  call(number: number, args: readonly number[]): Buffer;
  /** Jumps over so many bytes when the last call gave 0. */
  skipWhenZero(bytes: number): Buffer;
  /** `execve(argv[1], argv + 1, envp)`, from the stack as the kernel leaves it to a new program. */
  readonly become: Buffer;
}

const x64: Assembler = {
  machine: 62,
  calls: { close: 3, prctl: 157, execve: 59, write: 1, exit: 60 },
  call: (number, args) => {
    // mov to edi, esi, edx, r10d, r8d and eax; syscall
    const registers = ['bf', 'be', 'ba', '41ba', '41b8'];
    const moves = args.map((value, index) => `${registers[index]}${littleEndian(value)}`);
    return Buffer.from(`${moves.join('')}b8${littleEndian(number)}0f05`, 'hex');
  },
  // test eax,eax; jz
  skipWhenZero: (bytes) => Buffer.from([0x85, 0xc0, 0x74, bytes]),
  // mov rdi,[rsp+16]; lea rsi,[rsp+16]; mov rcx,[rsp]; lea rdx,[rsp+rcx*8+16]; mov eax,59; syscall
  become: Buffer.from('488b7c2410488d742410488b0c24488d54cc10b83b0000000f05', 'hex'),
};

const supervisorCall = 0xd4000001;

const arm64: Assembler = {
  machine: 183,
  calls: { close: 57, prctl: 167, execve: 221, write: 64, exit: 93 },
  call: (number, args) =>
    words([
      ...args.flatMap((value, index) => move(index, value)),
      ...move(8, number),
      supervisorCall,
    ]),
  // cbz x0
  skipWhenZero: (bytes) => words([0xb4000000 | ((bytes / 4 + 1) << 5)]),
  // ldr x0,[sp,#16]; add x1,sp,#16; ldr x3,[sp]; add x2,x1,x3,lsl #3
  become: words([0xf9400be0, 0x910043e1, 0xf94003e3, 0x8b030c22, ...move(8, 221), supervisorCall]),
};

const assemblers: Readonly<Record<string, Assembler>> = { x64, arm64 };

const failure = Buffer.from('s2oci: the program cannot be started\n');
const cannotStart = 127;
const setSeccomp = 22;
const filterMode = 2;
const setNoNewPrivileges = 38;

/**
 * Returns the program as an ELF file; undefined on an architecture that it is not written for.
 *
 * @param filter a compiled filter, see `compileBpf`
 * @param descriptor the one that the program is run by
 */
export function seccompLoader(
  filter: Uint8Array,
  descriptor: number,
  architecture: string = arch(),
): Uint8Array | undefined {
  const assembler = assemblers[architecture];
  if (assembler === undefined) return undefined;
  const { length } = instructions(assembler, descriptor, 0, 0);
  const message = codeAddress + length;
  const header = Math.ceil((message + failure.length) / 8) * 8;
  const code = Buffer.alloc(header - codeAddress + headerSize + filter.length);
  code.set(instructions(assembler, descriptor, message, header));
  code.set(failure, length);
  // struct sock_fprog: the number of instructions of 8 bytes, and where they are
  code.writeUInt16LE(filter.length / 8, header - codeAddress);
  code.writeBigUInt64LE(BigInt(header + headerSize), header - codeAddress + 8);
  code.set(filter, header - codeAddress + headerSize);
  return staticElf({ machine: assembler.machine, code });
}

const headerSize = 16;

function instructions(
  { calls, call, skipWhenZero, become }: Assembler,
  descriptor: number,
  message: number,
  header: number,
): Buffer {
  const giveUp = Buffer.concat([
    call(calls.write, [2, message, failure.length]),
    call(calls.exit, [cannotStart]),
  ]);
  return Buffer.concat([
    call(calls.close, [descriptor]),
    call(calls.prctl, [setNoNewPrivileges, 1, 0, 0, 0]),
    call(calls.prctl, [setSeccomp, filterMode, header]),
    skipWhenZero(giveUp.length),
    giveUp,
    become,
    giveUp,
  ]);
}

/** movz and movk: the two halves of a register. */
function move(register: number, value: number): readonly number[] {
  return [
    0xd2800000 | ((value & 0xffff) << 5) | register,
    0xf2a00000 | ((value >>> 16) << 5) | register,
  ];
}

function words(values: readonly number[]): Buffer {
  return Buffer.from(values.map(littleEndian).join(''), 'hex');
}

function littleEndian(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes.toString('hex');
}
