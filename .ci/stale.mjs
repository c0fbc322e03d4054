/**
 * Exits with 0 when node_modules has to be installed: it is missing, or holds other versions than
 * package-lock.json. Runs on any Node, since the project's own comes with node_modules.
 */

import { readFileSync } from 'node:fs';

const wanted = packagesOf('package-lock.json');
const installed = packagesOf('node_modules/.package-lock.json');
const stale = Object.entries(wanted).some(
  ([path, { version, optional, peer }]) =>
    path !== '' && !optional && !peer && installed[path]?.version !== version,
);
process.exitCode = stale ? 0 : 1;

function packagesOf(path) {
  try {
    return JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')).packages;
  } catch {
    return {};
  }
}
