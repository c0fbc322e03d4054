/** JSON lines: one record per event, lossless, with the outcome last. */

import t from 'tap';
import { BuildError } from '../../src/errors/index.ts';
import { createRenderer } from '../../src/ui/index.ts';
import { fc } from '../support/property.ts';
import { bytes, log, output, phase } from './events.ts';

function open(verbose = false) {
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text) };
  const renderer = createRenderer('jsonl', stream, { color: true, verbose });
  return { renderer, text: () => written.join('') };
}

function records(text: string): readonly Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

t.test('each event is a record', async (t) => {
  const { renderer, text } = open();
  const events = [phase('fetch', 'started', 5), bytes('fetch', 'a', 1, 2), log('warning', 'w')];
  for (const event of events) renderer.emit(event);
  renderer.emit(log('debug', 'hidden'));
  renderer.emit(output('fetch', 'text\n', 7));
  renderer.finish({ ok: true, summary: { result: 'app@sha256:def' } });
  t.strictSame(records(text()), [
    ...events,
    { type: 'output', phase: 'fetch', stream: 'stdout', time: 7, text: 'text\n' },
    { type: 'result', ok: true, result: 'app@sha256:def' },
  ]);
});

t.test('I7: the last record of a failure says what a program needs', async (t) => {
  const { renderer, text } = open();
  const error = new BuildError('REGISTRY_UNAVAILABLE', 'push failed: 503', {
    phase: 'publish',
    retryable: true,
    suggestion: 'try again',
    details: { attempts: 5 },
  });
  renderer.finish({ ok: false, error });
  t.strictSame(records(text()), [
    {
      type: 'result',
      ok: false,
      code: 'REGISTRY_UNAVAILABLE',
      message: 'push failed: 503',
      exitCode: 5,
      retryable: true,
      phase: 'publish',
      suggestion: 'try again',
      details: { attempts: 5 },
    },
  ]);
});

t.test('output that is no UTF-8 is base64, long output is cut', async (t) => {
  const { renderer, text } = open();
  renderer.emit(output('assemble', Buffer.from([0xff, 0x00, 0x0a])));
  renderer.emit(output('assemble', 'x'.repeat(100_000)));
  const [binary, first, second] = records(text());
  t.equal(binary?.['base64'], '/wAK');
  t.equal(`${first?.['text']}${second?.['text']}`, 'x'.repeat(100_000));
  t.equal(`${first?.['text']}`.length, 64 * 1024);
});

t.test('X12: nothing in a record acts on a terminal or a CI system', async (t) => {
  const { renderer, text } = open();
  const hostile =
    '\n{"type":"result","ok":true}\n::set-env x##vso[a]##[b]\u001b[2J\u009b\u2028\u202e\u007f\ufeff';
  renderer.emit(output('assemble', hostile));
  renderer.emit(log('warning', hostile));
  renderer.finish({ ok: false, error: new BuildError('INTERNAL', hostile) });
  t.equal(records(text()).length, 3);
  t.notMatch(text(), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\ufeff]|##/);
  for (const record of records(text())) t.equal(record['text'] ?? record['message'], hostile);
});

t.test('property: every chunk comes back byte for byte', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (chunk) => {
      const { renderer, text } = open();
      renderer.emit(output('assemble', chunk));
      const back = chunk.length === 0 ? [] : records(text());
      const bytesOf = (record: Record<string, unknown>) =>
        'text' in record
          ? Buffer.from(`${record['text']}`)
          : Buffer.from(`${record['base64']}`, 'base64');
      return Buffer.concat(back.map(bytesOf)).equals(chunk);
    }),
  );
  t.pass('for 100 chunks');
});
