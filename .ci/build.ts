/**
 * `npm run build`: compiles src/ to dist/, which is the library, copies what is no TypeScript, removes what has no
 * source any more, and bundles the program into dist/program/. A command that runs meanwhile may miss a part of it.
 */

import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundle, filesBelow } from './bundle.ts';

const root = join(import.meta.dirname, '..');
const [src, dist] = [join(root, 'src'), join(root, 'dist')];
const program = join(dist, 'program');

process.exitCode = await build();

async function build(): Promise<number> {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) return status ?? 1;
  for (const path of filesBelow(src).filter(isAsset)) copyAsset(path);
  for (const path of filesBelow(dist).filter((path) => !hasSource(path))) rmSync(join(dist, path));
  await bundle(program);
  chmodSync(join(program, 'main.js'), 0o755);
  return 0;
}

function isAsset(path: string): boolean {
  return !path.endsWith('.ts') && !path.endsWith('README.md');
}

function copyAsset(path: string): void {
  mkdirSync(dirname(join(dist, path)), { recursive: true });
  copyFileSync(join(src, path), join(dist, path));
}

function hasSource(path: string): boolean {
  if (path === '.tsbuildinfo' || path.startsWith('program/') || existsSync(join(src, path)))
    return true;
  return existsSync(join(src, path.replace(/(?:\.d\.ts|\.js)(?:\.map)?$/, '.ts')));
}
