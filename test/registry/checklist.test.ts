/**
 * The registry checklist: 72 things that a client of registries has to get right. Tests name the items they
 * prove (`item 14: ...`, `items 1 and 2: ...`); here it is held that every item has one.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const tests = join(import.meta.dirname, '..');
const topics: readonly (readonly [first: number, last: number, topic: string])[] = [
  [1, 12, 'reference and resolve'],
  [13, 29, 'pull'],
  [30, 54, 'push'],
  [55, 61, 'authentication'],
  [62, 72, 'rate and robustness'],
];

t.test('every item of the checklist has a test that names it', async (t) => {
  const proofs = readdirSync(tests, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .flatMap((path) => itemsOf(readFileSync(join(tests, path), 'utf8')));
  for (const [first, last, topic] of topics) {
    const wanted = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    t.strictSame(
      wanted.filter((item) => !proofs.includes(item)),
      [],
      topic,
    );
  }
  t.strictSame(
    proofs.filter((item) => item < 1 || item > 72),
    [],
    'no test names an item that there is not',
  );
});

t.test('items are read from the names of tests only', async (t) => {
  t.strictSame(itemsOf(`t.test('item 7: a'); // item 8: b`), [7]);
  t.strictSame(
    itemsOf('t.test(\n  `items 1 and 2: $' + "{x}`);\n  'item 30: a table': {"),
    [1, 2, 30],
  );
});

/** The numbers in strings that begin like the name of a test. */
function itemsOf(source: string): readonly number[] {
  const names = source.matchAll(/['"`]items? (\d+(?:(?:, | and )\d+)*): /g);
  return [...names].flatMap(([, list = '']) => list.split(/, | and /).map(Number));
}
