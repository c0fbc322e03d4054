/** The live tree, as it looks on a terminal. */

import t from 'tap';
import { BuildError } from '../../src/errors/index.ts';
import { createRenderer, detectCi, detectRenderer } from '../../src/ui/index.ts';
import { bytes, log, ManualClock, output, phase } from './events.ts';
import { Screen } from './screen.ts';

function open(columns = 80, rows = 24) {
  const screen = new Screen(columns, rows);
  const clock = new ManualClock();
  const renderer = createRenderer('tty', screen, { color: true, verbose: false, clock });
  return { screen, clock, renderer };
}

t.test('phases, bars and times are drawn, output scrolls above them', async (t) => {
  const { screen, clock, renderer } = open();
  renderer.emit(phase('resolve', 'started', 0));
  renderer.emit(phase('resolve', 'finished', 300, 'sha256:abc'));
  renderer.emit(phase('fetch', 'started', 300));
  renderer.emit(bytes('fetch', 'a', 5e6, 10e6, 1000));
  renderer.emit(bytes('fetch', 'b', 10e6, 10e6, 1000));
  renderer.emit(output('fetch', 'first\nsecond\npartial'));
  clock.advance(3000);
  t.equal(
    screen.text,
    `first
second
partial
✔ resolve       0.3 s  sha256:abc
⠋ fetch         2.7 s  15.0 MB of 20.0 MB, 1 of 2 done
    layer a                  ━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌ 5.0 MB / 10.0 MB  2.5 MB/s`,
  );
  renderer.emit(output('fetch', ' line\n'));
  renderer.emit(log('warning', 'slow'));
  clock.advance(100);
  t.match(screen.text, /^first\nsecond\npartial line\nwarning: slow\n✔ resolve/);
  t.equal(screen.text.split('\n').length, 7, 'the old tree is gone');
});

t.test('the end leaves output and summary, and gives the terminal back', async (t) => {
  const { screen, clock, renderer } = open();
  renderer.emit(phase('assemble', 'started', 0));
  renderer.emit(output('assemble', 'one\n'));
  clock.advance(100);
  t.equal(screen.cursorVisible, false);
  t.equal(screen.wraps, true, 'only while the tree is drawn');
  renderer.emit(phase('assemble', 'finished', 1000));
  renderer.finish({ ok: true, summary: { result: 'app@sha256:def' } });
  t.equal(screen.text, 'one\nassemble  1.0 s\ntotal     1.0 s\napp@sha256:def');
  t.equal(screen.cursorVisible, true);
  t.equal(clock.running, false, 'nothing ticks on');
});

t.test('a failure ends with its report below everything else', async (t) => {
  const { screen, clock, renderer } = open();
  renderer.emit(phase('assemble', 'started', 0));
  renderer.emit(output('assemble', 'oh no'));
  clock.advance(100);
  renderer.emit(phase('assemble', 'failed', 1000));
  const error = new BuildError('ASSEMBLE_FAILED', 'assemble failed: why', { phase: 'assemble' });
  renderer.finish({ ok: false, error });
  t.equal(
    screen.text,
    `oh no
last lines of assemble:
 | oh no
error in assemble [ASSEMBLE_FAILED]: assemble failed: why`,
  );
  t.equal(screen.cursorVisible, true);
});

t.test('a renderer that is only disposed gives the terminal back', async (t) => {
  const { screen, clock, renderer } = open();
  renderer.emit(phase('assemble', 'started', 0));
  renderer.emit(output('assemble', 'one\n'));
  clock.advance(100);
  renderer.emit(log('info', 'two'));
  renderer[Symbol.dispose]();
  t.equal(screen.text, 'one\ntwo');
  t.equal(screen.cursorVisible, true);
  t.equal(clock.running, false);
  renderer[Symbol.dispose]();
  renderer.finish({ ok: true, summary: { result: 'late' } });
  t.equal(screen.text, 'one\ntwo');
});

t.test('output cannot move the cursor or leave colours behind', async (t) => {
  const { screen, clock, renderer } = open();
  renderer.emit(phase('assemble', 'started', 0));
  renderer.emit(output('assemble', '\u001b[31mred\n\u001b[2J\u001b[10A\u001b[?25h\u0007\n'));
  clock.advance(100);
  const [first, second, third] = screen.text.split('\n');
  t.equal(first, 'red');
  t.equal(second, '\\u{1b}[2J\\u{1b}[10A\\u{1b}[?25h\\u{7}');
  t.match(third, /assemble/);
});

t.test('a tree that does not fit is cut to the window', async (t) => {
  for (const rows of [3, 5, 8, 12]) {
    const { screen, clock, renderer } = open(30, rows);
    for (const name of ['resolve', 'fetch', 'source', 'assemble', 'capture'] as const) {
      renderer.emit(phase(name, 'started', 0, 'a long detail that does not fit into the window'));
    }
    renderer.emit(phase('resolve', 'finished', 0));
    for (let id = 0; id < 10; id += 1) renderer.emit(bytes('fetch', `${id}`, 1, 2));
    clock.advance(100);
    clock.advance(100);
    const lines = screen.text.split('\n');
    t.ok(lines.length < rows, `${lines.length} lines in a window of ${rows}`);
    t.ok(
      lines.every((line) => [...line].length <= 30),
      'no line is wider than the window',
    );
    t.equal(new Set(lines.filter((line) => line.includes('fetch'))).size <= 1, true, 'drawn once');
  }
});

t.test('many bars are summed up', async (t) => {
  const { screen, clock, renderer } = open();
  renderer.emit(phase('fetch', 'started', 0));
  for (let id = 0; id < 9; id += 1) renderer.emit(bytes('fetch', `${id}`, 1, 2));
  clock.advance(100);
  t.equal(screen.text.split('\n').length, 8);
  t.match(screen.text, /and 3 more$/);
});

t.test('a window that became narrower is cleared as it has folded the lines', async (t) => {
  const { screen, clock, renderer } = open(60);
  renderer.emit(phase('assemble', 'started', 0, 'x'.repeat(100)));
  renderer.emit(output('assemble', 'kept\n'));
  clock.advance(100);
  const drawn = screen.text.split('\n')[1] ?? '';
  const narrow = new Screen(30);
  narrow.write(`kept\n${drawn}\n`);
  screen.columns = 30;
  const written: string[] = [];
  screen.write = (text: string) => void written.push(text);
  clock.advance(100);
  narrow.write(written.join(''));
  t.equal(narrow.text.split('\n').length, 2, narrow.text);
  t.match(narrow.text, /^kept\n. assemble/);
});

t.test('a flood of output is drawn before it is due, and nothing is lost', async (t) => {
  const { screen, renderer } = open(80, 24);
  renderer.emit(phase('assemble', 'started', 0));
  for (let line = 0; line < 20_000; line += 1) renderer.emit(output('assemble', `line ${line}\n`));
  t.match(screen.text, /line 15000\n/, 'without a tick');
  renderer.finish({ ok: true, summary: {} });
  const lines = screen.text.split('\n').filter((line) => line.startsWith('line '));
  t.equal(lines.length, 20_000);
});

t.test('without an event nothing is drawn', async (t) => {
  const { screen, clock, renderer } = open();
  clock.advance(1000);
  t.equal(screen.text, '');
  t.equal(screen.cursorVisible, true);
  renderer.finish({ ok: true, summary: {} });
  t.equal(screen.text, '');
});

t.test('the renderer that is chosen', async (t) => {
  const terminal = { write: () => {}, isTTY: true };
  const pipe = { write: () => {} };
  t.equal(detectRenderer(terminal, {}), 'tty');
  t.equal(detectRenderer(pipe, {}), 'plain');
  t.equal(detectRenderer(terminal, { TERM: 'dumb' }), 'plain');
  t.equal(detectRenderer(terminal, { CI: 'true' }), 'plain');
  t.equal(detectRenderer(pipe, { GITHUB_ACTIONS: 'true' }), 'github');
  t.equal(detectRenderer(pipe, { GITLAB_CI: 'true' }), 'gitlab');
  t.strictSame([{}, { CI: '' }, { CI: 'false' }, { CI: '0' }].map(detectCi), [
    false,
    false,
    false,
    false,
  ]);
  t.strictSame([{ CI: '1' }, { TF_BUILD: 'True' }].map(detectCi), [true, true]);
});
