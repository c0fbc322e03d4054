/** The checks that are programs of others: the TypeScript compiler and biome. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { Check, CheckResult } from './check.ts';

/** Types of sources, tests, benchmarks, examples and of these checks. */
export const typesCheck: Check = {
  name: 'types',
  run: ({ root }) =>
    runTool(root, 'typescript/bin/tsc', [
      '-p',
      'tsconfig.json',
      '--pretty',
      'false',
      '--incremental',
      '--tsBuildInfoFile',
      'node_modules/.cache/check.tsbuildinfo',
    ]),
};

/** Lint and format by the rules in biome.json. */
export const styleCheck: Check = {
  name: 'style',
  run: ({ root }) =>
    runTool(root, '@biomejs/biome/bin/biome', [
      'check',
      '--colors=off',
      '--error-on-warnings',
      '--max-diagnostics=200',
      '--reporter=concise',
    ]),
};

/** Blank lines, and what biome says besides its findings. */
const noise = /^\s*$|^(Checked|Found) \d+|━━━|Some (errors|warnings) were emitted/;

function runTool(root: string, script: string, args: readonly string[]): Promise<CheckResult> {
  const path = join(root, 'node_modules', script);
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [path, ...args],
      { cwd: root, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => !noise.test(line));
        if (error === null) resolve({ summary: '', problems: [] });
        else resolve({ summary: '', problems: lines.length === 0 ? [error.message] : lines });
      },
    );
  });
}
