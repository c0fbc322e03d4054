/** Runs one scenario (see scenario.ts) as whoever starts it; the result goes to stdout as JSON. */

import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { searchTools, spawnInNamespace } from '../../../src/runtime/index.ts';
import type { Scenario } from './scenario.ts';

const [, , scratch = ''] = process.argv;
const scenario = JSON.parse(await text(process.stdin)) as Scenario;
const agent = await spawnInNamespace(
  { tools: searchTools(process.env['PATH']), env: { HOST_SECRET: 'canary' } },
  {
    command: [process.execPath, fileURLToPath(new URL('./agent.ts', import.meta.url))],
    ...(scenario.mapping === undefined ? {} : { mapping: scenario.mapping }),
    stdio: { stdout: 2, stderr: 2 },
  },
);
const { promise, resolve, reject } = Promise.withResolvers<object>();
agent.child.once('message', (message) => resolve(message as object));
agent.child.once('exit', (code) => reject(new Error(`the agent ended with ${code}`)));
agent.child.send({ scratch, scenario });
const result = await promise;
process.stdout.write(JSON.stringify({ mapping: agent.mapping, reasons: agent.reasons, ...result }));
agent.child.disconnect();
