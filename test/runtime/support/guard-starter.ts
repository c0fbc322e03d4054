/** Starts a guard that makes a file, and calls it off when a line arrives. */

import { once } from 'node:events';
import { startGuard } from '../../../src/runtime/executors/guard.ts';
import { readIdentity, searchTools } from '../../../src/runtime/index.ts';

const [, , file = ''] = process.argv;
const deps = { tools: searchTools(undefined), identity: readIdentity(), stateDirectory: '/' };
const guard = startGuard(deps, ['touch', file]);
process.stdout.write('started\n');
await once(process.stdin, 'data');
await guard[Symbol.asyncDispose]();
process.exit(0);
