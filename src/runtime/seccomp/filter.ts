/**
 * A seccomp filter as data: which system calls get which answer. Renderings: the OCI form that runc and
 * crun take (`oci.ts`) and a BPF program for bubblewrap and setpriv (`bpf.ts`).
 */

/** How an argument is compared with a value. */
export type Comparison = 'NE' | 'LT' | 'LE' | 'EQ' | 'GE' | 'GT';

/** A test of one argument; several in one rule must all hold. */
export interface ArgumentTest {
  /** Argument position, 0 to 5. */
  readonly index: number;
  /** Bits that are compared; absent means the argument is compared whole. */
  readonly mask?: number;
  readonly value: number;
  /** Compares all 64 bits; absent means that the low 32 bits are equal, which the kernel takes these arguments as. */
  readonly compare?: Comparison;
}

/** What a system call is answered with: it happens, fails with an errno (0 pretends success), or ends who made it. */
export type Answer =
  | 'allow'
  | 'log'
  | 'trap'
  | 'kill-thread'
  | 'kill-process'
  | { readonly errno: number };

/** One rule. The first rule of a name whose tests hold decides; without a match the default does. */
export interface FilterRule {
  readonly names: readonly string[];
  readonly tests?: readonly ArgumentTest[];
  readonly answer: Answer;
}

/** A whole filter. */
export interface SeccompFilter {
  readonly fallback: Answer;
  readonly rules: readonly FilterRule[];
}
