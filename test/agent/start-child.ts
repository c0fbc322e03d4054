/**
 * Starts an agent as whoever runs this, with the programs of a directory before all others, and stops wanting it when a file has grown to a number of lines.
 * Usage: `node start-child.ts HOME TOOLS FILE LINES`; prints how the start ended.
 */

import { readFileSync } from 'node:fs';
import { startAgent } from '../../src/agent/index.ts';
import { searchTools } from '../../src/runtime/index.ts';

const [, , home = '', tools = '', file = '', lines = '1'] = process.argv;
const unwanted = new AbortController();
const poll = setInterval(() => {
  if (linesOf(file) < Number(lines)) return;
  clearInterval(poll);
  unwanted.abort(new Error('nobody needs it any more'));
}, 5);

const end = await startAgent(
  { tools: searchTools(`${tools}:${process.env['PATH']}`), env: { HOME: home } },
  { home, stateDirectory: home, node: process.execPath },
  unwanted.signal,
).then(
  () => 'started',
  (error: Error) => error.message,
);
process.stdout.write(`${end}\n`);
process.exit(0);

function linesOf(path: string): number {
  try {
    return readFileSync(path, 'utf8').split('\n').length - 1;
  } catch {
    return 0;
  }
}
