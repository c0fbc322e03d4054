/** Output of scripts becomes bounded lines, however it is cut and whatever it holds. */

import t from 'tap';
import { formatBar, formatBytes, formatDuration } from '../../src/ui/format.ts';
import { LineSplitter, maxLineLength } from '../../src/ui/lines.ts';
import { fc } from '../support/property.ts';

function split(...chunks: readonly (string | Uint8Array)[]): readonly string[] {
  const splitter = new LineSplitter();
  const lines = chunks.flatMap((chunk) => splitter.push(Buffer.from(chunk as string)));
  return [...lines, ...splitter.end()];
}

t.test('lines', async (t) => {
  t.strictSame(split('a\nb\n'), ['a', 'b']);
  t.strictSame(split('a\nb'), ['a', 'b'], 'a last line without end is a line');
  t.strictSame(split('a', 'b\n\nc', '\n'), ['ab', '', 'c']);
  t.strictSame(split('a\r\nb\r\n'), ['a', 'b'], 'CRLF');
  t.strictSame(split('a\r', '\nb'), ['a', 'b'], 'CRLF between chunks');
  t.strictSame(split(''), []);
});

t.test('S05: carriage returns overwrite, so a progress bar is its last state', async (t) => {
  t.strictSame(split('10 %\r50 %\r100 %\n'), ['100 %']);
  t.strictSame(split('10 %\r', '50 %\r', 'done\n'), ['done']);
  t.strictSame(split('10 %\r100 %\r\n'), ['100 %']);
});

t.test('S05: UTF-8 may be cut anywhere, and what is invalid is shown as such', async (t) => {
  const text = Buffer.from('naïve 日本\n');
  for (let at = 0; at <= text.length; at += 1) {
    t.strictSame(split(text.subarray(0, at), text.subarray(at)), ['naïve 日本']);
  }
  t.strictSame(split(Buffer.from([0x61, 0xff, 0x62, 0x0a])), ['a\ufffdb']);
});

t.test('X06: a line without end costs no memory', async (t) => {
  const splitter = new LineSplitter();
  const chunk = Buffer.alloc(64 * 1024, 'x');
  for (let sent = 0; sent < 64; sent += 1) t.strictSame(splitter.push(chunk), []);
  t.equal(splitter.partial.length, maxLineLength);
  const [line = '', ...rest] = splitter.push(Buffer.from('\nnext\n'));
  t.strictSame(rest, ['next']);
  t.equal(line, `${'x'.repeat(maxLineLength)}… [${63 * 64 * 1024} more characters]`);
});

t.test('the current line is what a terminal would show', async (t) => {
  const splitter = new LineSplitter();
  splitter.push(Buffer.from('done\nwait'));
  t.equal(splitter.partial, 'wait');
  splitter.push(Buffer.from(' 10 %\r'));
  t.equal(splitter.partial, 'wait 10 %');
});

t.test('property: how output is cut into chunks makes no difference', async (t) => {
  const text = fc.string({ unit: fc.constantFrom('a', '\n', '\r', 'é', '日', ' '), maxLength: 80 });
  fc.assert(
    fc.property(text, fc.array(fc.nat(80), { maxLength: 6 }), (whole, cuts) => {
      const bytes = Buffer.from(whole);
      const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort(
        (a, b) => a - b,
      );
      const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
      t.strictSame(split(...chunks), split(whole));
    }),
  );
});

t.test('sizes', async (t) => {
  const sizes = [
    0, 999, 1000, 1500, 99_949, 99_950, 999_499, 999_500, 1e6, 212_345_678, 5e12, 3e18,
  ];
  t.strictSame(sizes.map(formatBytes), [
    '0 B',
    '999 B',
    '1.0 kB',
    '1.5 kB',
    '99.9 kB',
    '100 kB',
    '999 kB',
    '1.0 MB',
    '1.0 MB',
    '212 MB',
    '5.0 TB',
    '3000 PB',
  ]);
});

t.test('times', async (t) => {
  const times = [-5, 0, 340, 59_949, 59_950, 125_000, 3_599_000, 3_600_000, 7_260_000];
  t.strictSame(times.map(formatDuration), [
    '0.0 s',
    '0.0 s',
    '0.3 s',
    '59.9 s',
    '1 m 00 s',
    '2 m 05 s',
    '59 m 59 s',
    '1 h 00 m',
    '2 h 01 m',
  ]);
});

t.test('bars', async (t) => {
  t.strictSame(
    [-1, 0, 0.5, 1, 2].map((share) => formatBar(share, 4)),
    ['╌╌╌╌', '╌╌╌╌', '━━╌╌', '━━━━', '━━━━'],
  );
});
