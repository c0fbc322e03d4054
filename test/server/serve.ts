/** A registry in a process of its own, for tests that kill it: `node serve.ts DIRECTORY` prints its host. */

import { silentReporter } from '../../src/events/index.ts';
import { startRegistry } from '../../src/server/index.ts';

const [directory = ''] = process.argv.slice(2);
const { host } = await startRegistry({ directory, reporter: silentReporter });
process.stdout.write(`${host}\n`);
