/** Holds the tests against the acceptance checklist of the S2I contract: each id has a test with the id in its name. */

import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';

/** How many ids each section of the checklist has. */
const sections = {
  ...{ A: 9, B: 8, C: 6, D: 10, E: 8, F: 7, G: 8, H: 5 },
  ...{ I: 5, J: 6, K: 4, L: 5, M: 4, N: 8, O: 5, P: 6, R: 5 },
} as const;

/** Ids that no test of a whole build covers, and where they are held instead. */
const elsewhere: Readonly<Record<string, string>> = {
  L3: 'test/s2i/dockerfile-buildah.test.ts: buildah builds what was written, and no layer holds a secret',
  L4: 'test/s2i/dockerfile-buildah.test.ts: the incremental form, built twice',
  N8: 'test/ui/jsonl.test.ts: failures as JSON',
};

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

t.test('each id of the checklist has a test of a whole build, or a reason', async (t) => {
  const tested = await testedIds();
  const all = Object.entries(sections).flatMap(([letter, count]) =>
    Array.from({ length: count }, (_, i) => `${letter}${i + 1}`),
  );
  const accounted = (id: string) => tested.has(id) || id in elsewhere;
  t.same(
    all.filter((id) => !accounted(id)),
    [],
    'ids without a test',
  );
  for (const place of Object.values(elsewhere)) {
    const file = fileURLToPath(new URL(`../../../${place.split(':')[0]}`, import.meta.url));
    t.ok(await readFile(file, 'utf8'), place);
  }
});
