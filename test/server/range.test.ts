import t from 'tap';
import { formatUploadRange, parseChunkRange, parseRange } from '../../src/server/range.ts';

t.test('a Range header selects bytes of the content', async (t) => {
  const cases: readonly (readonly [string | undefined, number, unknown])[] = [
    [undefined, 10, undefined],
    ['bytes=0-0', 10, { start: 0, end: 0 }],
    ['bytes=2-5', 10, { start: 2, end: 5 }],
    ['bytes=2-', 10, { start: 2, end: 9 }],
    ['bytes=2-99', 10, { start: 2, end: 9 }],
    ['bytes=-3', 10, { start: 7, end: 9 }],
    ['bytes=-30', 10, { start: 0, end: 9 }],
    ['bytes=5-2', 10, 'unsatisfiable'],
    ['bytes=10-', 10, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=-0', 10, 'unsatisfiable'],
    ['bytes=-1', 0, 'unsatisfiable'],
  ];
  for (const [header, size, expected] of cases) {
    t.same(parseRange(header, size), expected, `${header} of ${size}`);
  }
});

t.test('a Range header that cannot be honoured is ignored', async (t) => {
  const headers = ['bytes=-', 'bytes=0-1,3-4', 'lines=1-2', 'bytes=a-b', 'bytes', ''];
  for (const header of headers) t.equal(parseRange(header, 10), undefined, JSON.stringify(header));
  t.equal(parseRange(`bytes=${'9'.repeat(17)}-`, 10), undefined, 'numbers beyond all sizes');
});

t.test('the Content-Range of a chunk is first-last, bare and inclusive', async (t) => {
  t.same(parseChunkRange('0-9'), { start: 0, end: 9 });
  t.same(parseChunkRange(' 10-10 '), { start: 10, end: 10 });
  for (const header of ['bytes 0-9/10', '9-0', '0-', '-9', '0-9/10', '']) {
    t.equal(parseChunkRange(header), undefined, JSON.stringify(header));
  }
});

t.test('the Range of a session names its last byte', async (t) => {
  t.equal(formatUploadRange(0), '0-0');
  t.equal(formatUploadRange(1), '0-0');
  t.equal(formatUploadRange(22), '0-21');
});
