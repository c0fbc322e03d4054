/** The small parts of the pipeline: timing, working side by side, result files. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { BuildError } from '../../src/errors/index.ts';
import type { BuildEvent } from '../../src/events/index.ts';
import { both } from '../../src/pipeline/concurrency.ts';
import { PhaseTimer } from '../../src/pipeline/phase-timer.ts';
import { writeReportFile } from '../../src/pipeline/report-files.ts';

t.test('a phase is reported when it begins and ends, with its time', async (t) => {
  const events: BuildEvent[] = [];
  let now = 1000;
  const timer = new PhaseTimer({ emit: (event) => events.push(event) }, () => now);
  const value = await timer.run('fetch', async () => {
    now = 1250;
    return { value: 42, detail: 'done' };
  });
  t.equal(value, 42);
  t.same(timer.times, [{ phase: 'fetch', milliseconds: 250, detail: 'done' }]);
  t.match(events, [
    { type: 'phase', phase: 'fetch', state: 'started', time: 1000 },
    { type: 'phase', phase: 'fetch', state: 'finished', time: 1250, detail: 'done' },
  ]);
});

t.test('an error leaves a phase with its name on it, unless it has one', async (t) => {
  const timer = new PhaseTimer({ emit: () => {} }, () => 0);
  await t.rejects(
    timer.run('unpack', () => Promise.reject(new BuildError('TAR_INVALID', 'x'))),
    { code: 'TAR_INVALID', phase: 'unpack' },
  );
  await t.rejects(
    timer.run('unpack', () =>
      Promise.reject(new BuildError('TAR_INVALID', 'x', { phase: 'fetch' })),
    ),
    { code: 'TAR_INVALID', phase: 'fetch' },
  );
  await t.rejects(
    timer.run('unpack', () => Promise.reject(new Error('bug'))),
    { code: 'INTERNAL', phase: 'unpack' },
  );
});

t.test('of two pieces of work the failing one stops the other, and both have ended', async (t) => {
  let ended = false;
  const failing = () => Promise.reject(new BuildError('IO_FAILED', 'first'));
  const waiting = async (signal: AbortSignal) => {
    await sleep(10_000, undefined, { signal }).catch(() => {});
    ended = true;
    throw signal.reason;
  };
  await t.rejects(both(new AbortController().signal, failing, waiting), {
    code: 'IO_FAILED',
    message: 'first',
  });
  t.ok(ended);
  const results = await both(
    new AbortController().signal,
    async () => 1,
    async () => 2,
  );
  t.same(results, [1, 2]);
});

t.test('a result file is written whole or not at all', async (t) => {
  const directory = t.testdir();
  const path = join(directory, 'result.json');
  await writeReportFile(path, '{}');
  t.equal(await readFile(path, 'utf8'), '{}');
  t.same(await readdir(directory), ['result.json'], 'nothing temporary stays');
  await t.rejects(writeReportFile(join(directory, 'missing', 'x'), ''), {
    code: 'IO_FAILED',
    message: /cannot write/,
  });
});
