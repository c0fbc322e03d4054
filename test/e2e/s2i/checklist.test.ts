/**
 * Holds the tests against the acceptance checklist of the S2I contract: each id has a test with the id in its name, each case
 * of the original's tests and each observed fact one that stands for it.
 */

import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { goldenFacts } from './golden-facts.ts';
import { upstreamCases } from './upstream-cases.ts';

/** How many ids each section of the checklist has. */
const sections = {
  ...{ A: 9, B: 8, C: 6, D: 10, E: 8, F: 7, G: 8, H: 5 },
  ...{ I: 5, J: 6, K: 4, L: 5, M: 4, N: 8, O: 5, P: 6, R: 5 },
} as const;

const root = fileURLToPath(new URL('../', import.meta.url));

async function testedIds(): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (const file of await readdir(root, { recursive: true })) {
    if (!file.endsWith('.test.ts') || file.endsWith('checklist.test.ts')) continue;
    const text = await readFile(`${root}${file}`, 'utf8');
    for (const [, name = ''] of text.matchAll(/\btest\(\s*'([^']*)'/g))
      for (const id of name
        .match(/^(?:[A-R]\d{1,2} )+/)?.[0]
        .trim()
        .split(' ') ?? [])
        ids.add(id);
  }
  return ids;
}

t.test('each id of the checklist has a test of a whole build', async (t) => {
  const tested = await testedIds();
  const all = Object.entries(sections).flatMap(([letter, count]) =>
    Array.from({ length: count }, (_, i) => `${letter}${i + 1}`),
  );
  t.same(
    all.filter((id) => !tested.has(id)),
    [],
    'ids without a test',
  );
});

/** What a test is called behind its ids, of which other checklists add some. */
const withoutIds = (name: string) => name.replace(/^(?:[A-Z]\d+ )+/, '');

/** The names of the tests in a file, without ids. */
async function testNames(file: string): Promise<ReadonlySet<string>> {
  const text = await readFile(new URL(`../../${file}`, import.meta.url), 'utf8');
  const names = [...text.matchAll(/\btest\(\s*(['"])(.*?)\1/g)].map(([, , name = '']) => name);
  return new Set(names.map(withoutIds));
}

for (const [what, mirrors] of Object.entries({ upstreamCases, goldenFacts })) {
  t.test(`the tests that ${what} names are there`, async (t) => {
    for (const [file, tests] of Object.entries(mirrors)) {
      const names = await testNames(file);
      for (const name of Object.keys(tests)) t.ok(names.has(withoutIds(name)), `${file}: ${name}`);
    }
    const mirrored = Object.values(mirrors).flatMap((tests) => Object.values(tests).flat());
    t.same(mirrored.length, new Set(mirrored).size, 'each has one place');
  });
}
