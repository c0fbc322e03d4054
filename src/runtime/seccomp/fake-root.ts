/**
 * Root emulation where only one id exists (rootless.md B3): changing owners and ids, and making devices,
 * pretends to succeed. Package managers that insist on being root then work; which owner they wanted is
 * not kept.
 */

import type { FilterRule } from './filter.ts';

const pretend = { errno: 0 } as const;
const fileTypeBits = 0xf000;

/** S_IFCHR and S_IFBLK: those device nodes that one id can never make. */
const deviceTypes = [0x2000, 0x6000];

/** No type, S_IFREG, S_IFIFO, S_IFSOCK. */
const plainTypes = [0, 0x8000, 0x1000, 0xc000];

const owners = ['chown', 'fchown', 'lchown', 'fchownat'];
const ids = [
  'setuid',
  'setgid',
  'setreuid',
  'setregid',
  'setresuid',
  'setresgid',
  'setgroups',
  'setfsuid',
  'setfsgid',
  'capset',
];

/** The rules of the emulation; they come before those of the profile. */
export const fakeRootRules: readonly FilterRule[] = [
  { names: [...owners, ...ids], answer: pretend },
  ...nodeRules('mknod', 1),
  ...nodeRules('mknodat', 2),
];

function nodeRules(name: string, index: number): readonly FilterRule[] {
  const rule = (value: number, answer: FilterRule['answer']): FilterRule => ({
    names: [name],
    tests: [{ index, mask: fileTypeBits, value }],
    answer,
  });
  return [
    ...deviceTypes.map((type) => rule(type, pretend)),
    ...plainTypes.map((type) => rule(type, 'allow')),
  ];
}
