/** Retry-After, Link, Warning and adopted URLs, well-formed and otherwise. */

import t from 'tap';
import { adoptUrl } from '../../../src/registry/http/adopt.ts';
import { nextLink } from '../../../src/registry/http/link.ts';
import { parseRetryAfter } from '../../../src/registry/http/retry-after.ts';
import { parseWarnings } from '../../../src/registry/http/warnings.ts';
import { fc } from '../../support/property.ts';

const now = Date.parse('2026-11-21T12:00:00Z');

t.test('item 62: Retry-After', async (t) => {
  const rows: readonly (readonly [string | undefined, number | undefined])[] = [
    ['0', 0],
    ['120', 120_000],
    [' 5 ', 5000],
    ['Sat, 21 Nov 2026 12:00:30 GMT', 30_000],
    ['Saturday, 21-Nov-26 12:00:30 GMT', 30_000],
    ['Sat Nov 21 12:00:30 2026 GMT', 30_000],
    ['Sat, 21 Nov 2026 11:59:30 GMT', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['1e3', undefined],
    ['99999999999', undefined],
    ['soon', undefined],
    ['2026-11-21T12:00:30Z', undefined],
    ['', undefined],
    [undefined, undefined],
  ];
  for (const [value, expected] of rows)
    t.equal(parseRetryAfter(value, now), expected, String(value));
});

t.test('item 70: Link', async (t) => {
  const rows: readonly (readonly [readonly string[] | undefined, string | undefined])[] = [
    [['</v2/x/tags/list?n=1&last=a>; rel="next"'], '/v2/x/tags/list?n=1&last=a'],
    [['<a>; rel=next'], 'a'],
    [['<a>;REL="Next"'], 'a'],
    [['<a>; rel="prev", <b>; rel="next"'], 'b'],
    [['<a>; rel=prev', '<b>; title="x"; rel="first next"'], 'b'],
    [['<a>; rel="nextish"'], undefined],
    [['a; rel=next'], undefined],
    [['<a>'], undefined],
    [[], undefined],
    [undefined, undefined],
  ];
  for (const [values, expected] of rows) t.equal(nextLink(values), expected, String(values));
});

t.test('item 65: Warning', async (t) => {
  const rows: readonly (readonly [readonly string[] | undefined, readonly string[]])[] = [
    [['299 - "a"'], ['a']],
    [['299 - "a \\"b\\" c\\\\"'], ['a "b" c\\']],
    [['299 - "a, b", 299 - "c"'], ['a, b', 'c']],
    [
      ['299 - "a"', '299 - "b"'],
      ['a', 'b'],
    ],
    [['199 - "a"'], []],
    [['214 proxy "x", 299 - "b"'], ['b']],
    [['299 - a'], []],
    [['299 - "open'], []],
    [['299 - ""'], ['']],
    [undefined, []],
  ];
  for (const [values, expected] of rows) t.same(parseWarnings(values), expected, String(values));
});

t.test('headers of any text are read in time', async (t) => {
  const before = performance.now();
  for (const piece of ['<', '299 - "', '\\"', '<a>;', '; rel=next', ',', '299 ', ' '] as const) {
    const text = piece.repeat(60_000 / piece.length);
    nextLink([text]);
    parseWarnings([text]);
    parseRetryAfter(text, now);
  }
  t.ok(performance.now() - before < 2000);
  fc.assert(
    fc.property(fc.string(), (text) => {
      nextLink([text]);
      parseWarnings([text]);
      parseRetryAfter(text, now);
    }),
    { numRuns: 1000 },
  );
});

t.test('items 31 to 33: URLs of the registry', async (t) => {
  const from = (url: string) => ({ url: new URL(url), method: 'POST', status: 202 }) as const;
  const adopt = (text: string | undefined, url = 'https://r.test:5000/v2/a/b?c') =>
    adoptUrl(text, from(url), 'upload location').href;
  t.equal(adopt('/x?y'), 'https://r.test:5000/x?y');
  t.equal(adopt('x'), 'https://r.test:5000/v2/a/x');
  t.equal(adopt('//other.test/x'), 'https://other.test/x');
  t.equal(adopt('http://r.test:5000/x'), 'https://r.test:5000/x');
  t.equal(adopt('http://r.test/x'), 'https://r.test:5000/x');
  t.equal(adopt('http://r.test/x', 'https://r.test/'), 'https://r.test/x');
  t.equal(adopt('http://r.test/x', 'http://r.test/'), 'http://r.test/x');
  t.equal(adopt('https://r.test/x', 'http://r.test/'), 'https://r.test/x');
  for (const text of [
    undefined,
    'http://',
    'http://other.test/',
    'javascript:1',
    'https://u@r.test/',
  ]) {
    t.throws(() => adopt(text), { name: 'RequestFailure' }, String(text));
  }
});
