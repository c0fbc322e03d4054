/** Prints the report of doctor as JSON; the argument is where builds would keep their scratch. */

import { diagnose, searchTools } from '../../../src/runtime/index.ts';

const [, , directory = '/tmp'] = process.argv;
const { env, execPath: node } = process;
const tools = searchTools(env['PATH']);
process.stdout.write(JSON.stringify(await diagnose({ tools, node, directory, env })));
