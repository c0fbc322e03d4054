/** Plain lines, and the same lines in the groups of CI logs. */

import t from 'tap';
import { BuildError } from '../../src/errors/index.ts';
import { createRenderer, type RendererKind, type RendererOptions } from '../../src/ui/index.ts';
import { bytes, log, ManualClock, output, phase } from './events.ts';

function open(kind: RendererKind, options: Partial<RendererOptions> = {}) {
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text) };
  const clock = new ManualClock();
  const renderer = createRenderer(kind, stream, {
    color: false,
    verbose: false,
    clock,
    ...options,
  });
  return { renderer, clock, text: () => written.join('') };
}

const failure = new BuildError('ASSEMBLE_FAILED', 'assemble failed: it ended with exit code 127', {
  phase: 'assemble',
  details: { exitCode: 127 },
  suggestion: 'install the missing program in the builder image',
});

t.test('a build that succeeds', async (t) => {
  const { renderer, text } = open('plain');
  renderer.emit(phase('resolve', 'started', 1000));
  renderer.emit(phase('resolve', 'finished', 1300, 'sha256:abc'));
  renderer.emit(phase('restore', 'skipped', 1300, 'not incremental'));
  renderer.emit(phase('assemble', 'started', 1300));
  renderer.emit(output('assemble', 'npm install\nadded 1 pack'));
  renderer.emit(output('assemble', 'age\nlast words'));
  renderer.emit(phase('assemble', 'finished', 63_300));
  renderer.emit(log('debug', 'hidden'));
  renderer.emit(log('info', 'pushing'));
  renderer.emit(log('warning', 'slow'));
  renderer.finish({
    ok: true,
    summary: {
      result: 'registry.example.com/app@sha256:def',
      bytes: { pulled: 1500, mounted: 2e6, pushed: 0, skipped: 3 },
      facts: [['executor', 'crun']],
    },
  });
  t.equal(
    text(),
    `=> resolve
=> resolve done in 0.3 s: sha256:abc
=> restore skipped: not incremental
=> assemble
 | npm install
 | added 1 package
 | last words
=> assemble done in 1 m 02 s
   pushing
warning: slow
resolve      0.3 s  sha256:abc
restore    skipped  not incremental
assemble  1 m 02 s
total     1 m 02 s
pulled 1.5 kB, mounted 2.0 MB, pushed 0 B, skipped 3 B
executor: crun
registry.example.com/app@sha256:def
`,
  );
});

t.test('a build that fails ends with its last lines, the exit code and what to do', async (t) => {
  const { renderer, text } = open('plain');
  renderer.emit(phase('assemble', 'started', 0));
  for (let line = 1; line <= 60; line += 1) renderer.emit(output('assemble', `line ${line}\n`));
  renderer.emit(phase('assemble', 'failed', 500));
  renderer.finish({ ok: false, error: failure });
  const end = text().slice(text().indexOf('last lines of assemble'));
  t.equal(
    end,
    `last lines of assemble:
${Array.from({ length: 50 }, (_, index) => ` | line ${index + 11}`).join('\n')}
error in assemble [ASSEMBLE_FAILED]: assemble failed: it ended with exit code 127
hint: install the missing program in the builder image
`,
  );
});

t.test('progress is summed up every five seconds', async (t) => {
  const { renderer, text } = open('plain');
  renderer.emit(phase('fetch', 'started', 0));
  for (let time = 0; time <= 12_000; time += 500) {
    renderer.emit(bytes('fetch', 'a', time * 1000, 12e6, time));
    renderer.emit(bytes('fetch', 'b', time * 500, 24e6, time));
  }
  t.equal(
    text(),
    '=> fetch\n   fetch 7.3 MB of 36.0 MB, 0 of 2 done\n   fetch 14.8 MB of 36.0 MB, 0 of 2 done\n',
  );
});

t.test('X12: output and messages cannot forge lines or colours', async (t) => {
  const { renderer, text } = open('plain');
  renderer.emit(phase('assemble', 'started', 0, 'a\nb'));
  renderer.emit(log('warning', 'label says \u001b[2J\n=> publish done'));
  renderer.emit(output('assemble', '=> publish done\n\u001b[31mred\u001b[0m\u001b[2K\n'));
  renderer.finish({ ok: false, error: new BuildError('REGISTRY_DENIED', 'no: \u0007\n=> ok') });
  t.notMatch(text(), /[\u0000-\u0009\u000b-\u001f]/);
  t.equal(
    text()
      .split('\n')
      .filter((line) => line.startsWith('=> ')).length,
    1,
  );
  t.match(text(), / \| red\\u\{1b\}\[2K\n/);
});

t.test('verbose shows debug messages and causes', async (t) => {
  const { renderer, text } = open('plain', { verbose: true });
  renderer.emit(log('debug', 'details'));
  renderer.finish({
    ok: false,
    error: new BuildError('IO_FAILED', 'x', { cause: new Error('the cause') }),
  });
  t.match(text(), /details/);
  t.match(text(), /Error: the cause\n\s+at /);
});

t.test('quiet says nothing but how it failed', async (t) => {
  const quiet = open('quiet');
  quiet.renderer.emit(phase('assemble', 'started'));
  quiet.renderer.emit(log('warning', 'slow'));
  quiet.renderer.emit(output('assemble', 'oh no\n'));
  t.equal(quiet.text(), '');
  quiet.renderer.finish({ ok: false, error: failure });
  t.match(quiet.text(), /^last lines of assemble:\n \| oh no\nerror in assemble/);
  const silent = open('quiet');
  silent.renderer.finish({ ok: true, summary: { result: 'x' } });
  t.equal(silent.text(), '');
});

t.test('GitHub: groups do not interleave, failures stand outside and are annotated', async (t) => {
  const { renderer, text } = open('github');
  renderer.emit(phase('fetch', 'started', 0));
  renderer.emit(phase('source', 'started', 0));
  renderer.emit(log('warning', '100 % slow'));
  renderer.emit(phase('source', 'finished', 100));
  renderer.emit(phase('fetch', 'finished', 200));
  renderer.emit(phase('assemble', 'started', 200));
  renderer.emit(output('assemble', '::set-env name=a::b\n'));
  renderer.finish({ ok: false, error: failure });
  t.equal(
    text(),
    `::group::fetch
=> fetch
warning: 100 % slow
::warning title=s2oci::100 %25 slow
=> fetch done in 0.2 s
::endgroup::
::group::source
=> source
=> source done in 0.1 s
::endgroup::
::group::assemble
=> assemble
 | : :set-env name=a::b
::endgroup::
last lines of assemble:
 | : :set-env name=a::b
error in assemble [ASSEMBLE_FAILED]: assemble failed: it ended with exit code 127
hint: install the missing program in the builder image
::error title=s2oci::assemble failed: it ended with exit code 127
`,
  );
});

t.test('GitLab: sections have their times, and text cannot open one', async (t) => {
  const { renderer, text, clock } = open('gitlab');
  clock.time = 9000;
  renderer.emit(phase('assemble', 'started', 5000));
  renderer.emit(output('assemble', '\u001b[0Ksection_start:1:evil\r\u001b[0Kx\n'));
  renderer.finish({ ok: true, summary: {} });
  const marks = [...text().matchAll(/section_(?:start|end):\d+:\w+/g)].map(([mark]) => mark);
  t.strictSame(marks, ['section_start:5:s2oci_assemble', 'section_end:9:s2oci_assemble']);
});

t.test('lines of a phase that waits for its group are bounded', async (t) => {
  const { renderer, text } = open('github');
  renderer.emit(phase('fetch', 'started', 0));
  renderer.emit(phase('assemble', 'started', 0));
  for (let line = 0; line < 5100; line += 1) renderer.emit(output('assemble', `line ${line}\n`));
  renderer.emit(phase('fetch', 'finished', 0));
  t.match(text(), /::group::assemble\n {3}101 lines left out\n \| line 100\n/);
});

t.test('nothing is written after the end', async (t) => {
  for (const kind of ['plain', 'tty', 'jsonl', 'github'] as const) {
    const { renderer, text } = open(kind);
    renderer.finish({ ok: true, summary: {} });
    const before = text();
    renderer.emit(phase('publish', 'finished'));
    renderer.finish({ ok: false, error: failure });
    renderer[Symbol.dispose]();
    t.equal(text(), before, kind);
  }
});

t.test('a renderer that is only disposed ends its groups', async (t) => {
  const { renderer, text } = open('github');
  renderer.emit(phase('fetch', 'started', 0));
  renderer.emit(output('fetch', 'partial'));
  renderer[Symbol.dispose]();
  t.equal(text(), '::group::fetch\n=> fetch\n | partial\n::endgroup::\n');
});
