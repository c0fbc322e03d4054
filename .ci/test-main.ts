/**
 * The second half of `npm test`, run by the project's own Node: tools for tests, checks, build, tests.
 * Arguments name test files; without them all are run.
 *
 * The last line is `N passed, N failed`, with `, N skipped` when tests were. It counts the tests (see
 * tap-reader.ts) and each check of `npm run check` as one; a step that breaks is one failed test. The raw
 * output of the test runner is kept in `.tap/last.tap`.
 */

import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { checks } from './check/index.ts';
import { openProject } from './check/project.ts';
import { runChecks } from './check/run.ts';
import { readableCheckout } from './readable-checkout.ts';
import { TapReader, type TestCounts } from './tap-reader.ts';

const root = join(import.meta.dirname, '..');
const counts: TestCounts = { passed: 0, failed: 0, skipped: 0 };
const started = Date.now();

await step('tools for tests', installTools);
await step('checks', check);
await step('build', () => run(process.execPath, ['.ci/build.ts']));
await step('tests', test);
say(`\n${Math.round((Date.now() - started) / 1000)} s`);
const skipped = counts.skipped === 0 ? '' : `, ${counts.skipped} skipped`;
say(`${counts.passed} passed, ${counts.failed} failed${skipped}`);
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;

async function step(name: string, action: () => Promise<void>): Promise<void> {
  say(`\n== ${name}`);
  try {
    await action();
  } catch (error) {
    counts.failed += 1;
    say(`FAIL ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function installTools(): Promise<void> {
  const script = join(root, '.ci/install-test-tools');
  if (existsSync(script)) await run('sh', [script]);
}

async function check(): Promise<void> {
  const tally = await runChecks(openProject(root), checks, say);
  counts.passed += tally.passed;
  counts.failed += tally.failed;
}

async function test(): Promise<void> {
  mkdirSync(join(root, '.tap'), { recursive: true });
  using checkout = readableCheckout(root);
  if (checkout.copied) say(`in a copy that unprivileged users can read: ${checkout.path}`);
  const tap = join(checkout.path, 'node_modules/.bin/tap');
  const child = spawn(tap, ['--reporter=tap', '--no-color', ...process.argv.slice(2)], {
    cwd: checkout.path,
    env: { ...process.env, PATH: `${checkout.path}/node_modules/.bin:${process.env['PATH']}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const raw = createWriteStream(join(root, '.tap/last.tap'));
  child.stdout.pipe(raw);
  const reader = new TapReader({ file: sayFile, failure: sayFailure });
  for await (const line of createInterface({ input: child.stdout })) reader.line(line);
  reader.end();
  const { failed, passed, skipped } = reader.counts;
  counts.passed += passed;
  counts.failed += failed;
  counts.skipped += skipped;
  const code = await exitCodeOf(child);
  if (code !== 0 && failed === 0) throw new Error(`the test runner ended with exit code ${code}`);
}

function sayFile(name: string, ok: boolean, milliseconds: number): void {
  say(`${ok ? 'ok  ' : 'FAIL'} ${name} (${(milliseconds / 1000).toFixed(1)} s)`);
}

function sayFailure(path: readonly string[], diagnostics: readonly string[]): void {
  const shown = diagnostics.filter((line) => line !== '---' && line !== '...').slice(0, 60);
  say([`  x ${path.join(' > ')}`, ...shown.map((line) => `    ${line}`)].join('\n'));
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const code = await exitCodeOf(
    spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }),
  );
  if (code !== 0) throw new Error(`${command} ended with exit code ${code}`);
}

async function exitCodeOf(child: ReturnType<typeof spawn>): Promise<number> {
  if (child.exitCode !== null) return child.exitCode;
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.on('error', reject).on('exit', (code) => resolve(code ?? 1));
  return await promise;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
