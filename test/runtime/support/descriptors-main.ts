/** Tells which descriptors it would hand on, whether it refuses to, and what is left after closing. */

import {
  closeInheritedDescriptors,
  readIdentity,
  searchTools,
} from '../../../src/runtime/index.ts';
import { inheritableDescriptors } from '../../../src/runtime/machine/descriptors.ts';
import { supervise } from '../../../src/runtime/supervise/supervise.ts';

const deps = { tools: searchTools(undefined), identity: readIdentity(), stateDirectory: '/tmp' };
const stdio = { stdin: 'ignore', stdout: 1, stderr: 2 } as const;
const before = inheritableDescriptors();
const refusal = await supervise(deps, { argv: ['/bin/true'] }, stdio).then(
  () => 'none',
  (error: Error) => error.message,
);
closeInheritedDescriptors();
process.stdout.write(JSON.stringify({ before, refusal, after: inheritableDescriptors() }));
