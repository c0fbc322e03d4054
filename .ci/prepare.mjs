/**
 * `npm run prepare`: builds dist/ where the tools for it are installed, so that `npm install <git url>` and
 * `npm pack` work. Without them (`npm ci --omit=dev`), or under .ci/bootstrap, there is nothing to do.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const node = `${root}/node_modules/.bin/node`;
const tools = [node, `${root}/node_modules/typescript`];
if (tools.every((path) => existsSync(path)) && !process.env.S2OCI_NO_PREPARE) {
  const { status } = spawnSync(node, ['.ci/build.ts'], { cwd: root, stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
