/** The reader behind the last line of `npm test` counts every way in which a test can end. */

import t from 'tap';
import { TapReader } from '../../.ci/tap-reader.ts';

function read(tap: string) {
  const files: string[] = [];
  const failures: { path: string; diagnostics: readonly string[] }[] = [];
  const reader = new TapReader({
    file: (name, ok) => files.push(`${ok ? 'ok' : 'FAIL'} ${name}`),
    failure: (path, diagnostics) => failures.push({ path: path.join(' > '), diagnostics }),
  });
  for (const line of tap.split('\n')) reader.line(line);
  reader.end();
  return { counts: reader.counts, files, failures };
}

t.test('innermost tests count, and a file without any is one', async (t) => {
  const { counts, files, failures } = read(`TAP version 14
1..2
# Subtest: a.test.ts
    # Subtest: outer
        ok 1 - an assertion
        # Subtest: inner
            ok 1 - an assertion
            ok 2 - an assertion
            1..2
        ok 2 - inner # time=1ms
        ok 3 - left out # SKIP no tool
        1..3
    ok 1 - outer # time=2.5ms
    1..1
ok 1 - a.test.ts # time=3ms

# Subtest: b.test.ts
    ok 1 - an assertion
    1..1
ok 2 - b.test.ts # time=3ms
`);
  t.strictSame(counts, { passed: 2, failed: 0, skipped: 1 });
  t.strictSame(files, ['ok a.test.ts', 'ok b.test.ts']);
  t.strictSame(failures, []);
});

t.test('a failed assertion fails its test once, with its diagnostics', async (t) => {
  const { counts, files, failures } = read(`# Subtest: a.test.ts
    # Subtest: outer
        # Subtest: inner
            not ok 1 - should be equal
              ---
              diff: |
                -1
                +2
              ...
            not ok 2 - should be equal
            1..2
        not ok 1 - inner # time=1ms
          ---
          at: here
          ...
        1..1
    not ok 1 - outer # time=2ms
    # Subtest: fine
        ok 1 - an assertion
    ok 2 - fine # time=1ms
not ok 1 - a.test.ts # time=3ms
`);
  t.strictSame(counts, { passed: 1, failed: 1, skipped: 0 });
  t.strictSame(files, ['FAIL a.test.ts']);
  t.equal(failures.length, 2);
  t.equal(failures[0]?.path, 'a.test.ts > outer > inner > should be equal');
  t.strictSame(failures[0]?.diagnostics, ['---', 'diff: |', '  -1', '  +2', '...']);
});

t.test('an assertion beside inner tests counts too', async (t) => {
  const { counts } = read(`# Subtest: a.test.ts
    # Subtest: inner
        ok 1 - an assertion
    ok 1 - inner # time=1ms
    not ok 2 - own
not ok 1 - a.test.ts # time=3ms
`);
  t.strictSame(counts, { passed: 1, failed: 1, skipped: 0 });
});

t.test('a file that fails although its tests passed is a failed test', async (t) => {
  const { counts, failures } = read(`# Subtest: a.test.ts
    # Subtest: inner
        ok 1 - an assertion
    ok 1 - inner # time=1ms
not ok 1 - a.test.ts # time=3ms
  ---
  exitCode: null
  signal: SIGTERM
  ...
`);
  t.strictSame(counts, { passed: 1, failed: 1, skipped: 0 });
  t.match(failures, [
    { path: 'a.test.ts', diagnostics: ['---', 'exitCode: null', 'signal: SIGTERM', '...'] },
  ]);
});

t.test('a file that is still open at the end, and a bail out, are failed tests', async (t) => {
  t.strictSame(read('# Subtest: a.test.ts\n    # Subtest: inner').counts.failed, 1);
  t.strictSame(read('Bail out! no tap').counts.failed, 1);
});

t.test('expected failures are skipped', async (t) => {
  const { counts } = read(`# Subtest: a.test.ts
    not ok 1 - later # TODO
ok 1 - a.test.ts # time=3ms
`);
  t.strictSame(counts, { passed: 0, failed: 0, skipped: 1 });
});

t.test(
  'a file that was ended from outside fails once, and takes no other file along',
  async (t) => {
    const { counts, files, failures } = read(`# Subtest: a.test.ts
    # Subtest: endless
        ok 1 - an assertion
not ok 1 - a.test.ts # time=900000ms
  ---
  problem: it took longer than 900 seconds
  ...
# Subtest: b.test.ts
    # Subtest: fine
        ok 1 - an assertion
    ok 1 - fine # time=1ms
ok 2 - b.test.ts # time=3ms
`);
    t.strictSame(counts, { passed: 1, failed: 1, skipped: 0 });
    t.strictSame(files, ['FAIL a.test.ts', 'ok b.test.ts']);
    t.strictSame(
      failures.map(({ path }) => path),
      ['a.test.ts > endless'],
    );
  },
);
