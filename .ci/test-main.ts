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
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { checks } from './check/index.ts';
import { openProject } from './check/project.ts';
import { runChecks } from './check/run.ts';
import { openMemoryScratch } from './memory-scratch.ts';
import { readableCheckout } from './readable-checkout.ts';
import { TapReader, type TestCounts } from './tap-reader.ts';
import { runTestFiles } from './test-files.ts';

const root = join(import.meta.dirname, '..');
const counts: TestCounts = { passed: 0, failed: 0, skipped: 0 };
const started = Date.now();
/** One more than there are processors: tests wait for processes and networks more than they compute. */
const jobs = availableParallelism() + 1;
const fileTimeout = 30 * 60_000;
/** Files that take minutes start first. */
const longest = [
  'test/e2e/environments.test.ts',
  'test/dockerfile/equivalence.test.ts',
  'test/e2e/example-builders.test.ts',
  'test/layer/apply.test.ts',
];
process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));

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
  using scratch = openMemoryScratch();
  if (checkout.copied) say(`in a copy that unprivileged users can read: ${checkout.path}`);
  const raw = createWriteStream(join(root, '.tap/last.tap'));
  const reader = new TapReader({ file: sayFile, failure: sayFailure });
  const write = (text: string) => {
    raw.write(`${text}\n`);
    for (const line of text.split('\n')) reader.line(line);
  };
  await runTestFiles({
    root: checkout.path,
    files: testFiles(),
    jobs,
    timeout: fileTimeout,
    write,
    scratch,
  });
  reader.end();
  raw.end();
  counts.passed += reader.counts.passed;
  counts.failed += reader.counts.failed;
  counts.skipped += reader.counts.skipped;
}

/** The files named as arguments, or all; the long ones first, so that none of them runs alone at the end. */
function testFiles(): readonly string[] {
  const named = process.argv.slice(2);
  if (named.length > 0) return named;
  const all = openProject(root).list('test', '.test.ts');
  const rank = (path: string) =>
    longest.includes(path) ? longest.indexOf(path) : path.startsWith('test/e2e/') ? 8 : 9;
  return [...all].sort((a, b) => rank(a) - rank(b));
}

function sayFile(name: string, ok: boolean, milliseconds: number): void {
  say(`${ok ? 'ok  ' : 'FAIL'} ${name} (${(milliseconds / 1000).toFixed(1)} s)`);
}

function sayFailure(path: readonly string[], diagnostics: readonly string[]): void {
  const shown = diagnostics.filter((line) => line !== '---' && line !== '...').slice(0, 60);
  const lines = [`  x ${path.join(' > ')}`, ...shown.map((line) => `    ${line}`)];
  say(lines.map((line) => (line.length > 500 ? `${line.slice(0, 500)}...` : line)).join('\n'));
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
