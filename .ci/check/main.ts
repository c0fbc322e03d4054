/**
 * `npm run check`: holds the project to its rules. Names of checks as arguments run only those.
 * The last line is `N checks passed, N failed`; the exit code is 1 when one failed.
 */

import { join } from 'node:path';
import { checks } from './index.ts';
import { openProject } from './project.ts';
import { runChecks } from './run.ts';

const wanted = process.argv.slice(2);
const chosen = checks.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const project = openProject(join(import.meta.dirname, '../..'));
const { passed, failed } = await runChecks(project, chosen, (line) => console.log(line));
console.log(`${passed} checks passed, ${failed} failed`);
process.exitCode = failed === 0 && chosen.length > 0 ? 0 : 1;
