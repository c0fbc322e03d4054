/** The runner of test files tells every way in which a file can end, and leaves nothing running. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runTestFiles } from '../../.ci/test-files.ts';

async function run(
  t: Tap,
  files: Readonly<Record<string, string>>,
  timeout = 30_000,
): Promise<readonly string[]> {
  const root = t.testdir({ ...files });
  const written: string[] = [];
  const write = (text: string) => written.push(...text.split('\n'));
  await runTestFiles({ root, files: Object.keys(files), jobs: 2, timeout, write });
  return written.map((line) => line.replace(/ # time=.*/, ''));
}

type Tap = Pick<typeof t, 'testdir'>;

t.test('files that pass and fail', async (t) => {
  const lines = await run(t, {
    'good.mjs': "console.log('ok 1 - fine\\n1..1');",
    'bad.mjs': "console.log('not ok 1 - wrong\\n1..1'); process.exitCode = 1;",
    'crash.mjs': 'process.exit(7);',
    'empty.mjs': '',
    'killed.mjs': "process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 10_000);",
  });
  t.ok(lines.includes('    ok 1 - fine'), 'its output is indented');
  const results = lines.filter((line) => /^(not )?ok/.test(line)).toSorted();
  t.strictSame(results, [
    'not ok 2 - bad.mjs',
    'not ok 3 - crash.mjs',
    'not ok 4 - empty.mjs',
    'not ok 5 - killed.mjs',
    'ok 1 - good.mjs',
  ]);
  t.strictSame(lines.filter((line) => line.includes('problem:')).toSorted(), [
    '  problem: it ended with SIGTERM',
    '  problem: it ended with exit code 1',
    '  problem: it ended with exit code 7',
    '  problem: it ended without a plan',
  ]);
});

t.test('a file that hangs is ended with all that it started', async (t) => {
  const source = `import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
const child = spawn('sleep', ['600'], { stdio: 'inherit' });
writeFileSync(new URL('pid', import.meta.url), String(child.pid));`;
  const root = t.testdir({ 'hangs.mjs': source });
  const written: string[] = [];
  const write = (text: string) => written.push(text);
  await runTestFiles({ root, files: ['hangs.mjs'], jobs: 1, timeout: 3000, write });
  t.match(written.join('\n'), /problem: it took longer than 3 seconds/);
  const stat = `/proc/${readFileSync(join(root, 'pid'), 'utf8')}/stat`;
  t.ok(!existsSync(stat) || /^\d+ \(.*\) Z/.test(readFileSync(stat, 'utf8')), 'sleep has ended');
});

t.test('no more files run at once than jobs, and lines never mix', async (t) => {
  const source = "console.log('ok 1 - a'); setTimeout(() => console.log('ok 2 - b\\n1..2'), 100);";
  const files = Object.fromEntries(['1', '2', '3', '4'].map((name) => [`${name}.mjs`, source]));
  const lines = await run(t, files);
  const blocks = lines.join('\n').split('# Subtest: ').slice(1);
  t.equal(blocks.length, 4);
  for (const block of blocks)
    t.match(block, /^\d\.mjs\n {4}ok 1 - a\n {4}ok 2 - b\n {4}1\.\.2\n {4}\nok/);
});
