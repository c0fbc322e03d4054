/**
 * Every case of `spec-fixtures/dockerfiles` gives the same root file system and the same config as buildah gives, built
 * by an unprivileged user. What differs on purpose stands in the case with its reason, and in docs/dockerfile.md.
 *
 * `S2OCI_EQUIVALENCE=regex` builds only the cases whose names match.
 */

import t from 'tap';
import type { Answer } from './equivalence/buildah.ts';
import { type Case, readCases } from './equivalence/cases.ts';
import { differencesOf } from './equivalence/compare.ts';
import { Builders } from './equivalence/workbench.ts';

t.setTimeout(1_200_000);

/** The cases that are built at a time. */
const atOnce = 2;

t.test('s2oci and buildah make the same images', async (t) => {
  await using builders = await Builders.open();
  const only = new RegExp(process.env['S2OCI_EQUIVALENCE'] ?? '.');
  const all = await readCases();
  const cases = all.filter(({ name }) => only.test(name)).values();
  const worker = async (): Promise<void> => {
    for (const one of cases) await check(t, one, builders);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  t.ok(all.length >= 120, `${all.length} cases`);
});

async function check(t: Tap, one: Case, builders: Builders): Promise<void> {
  const buildah = await builders.buildah(one);
  const s2oci = await builders.s2oci(one);
  const { name, refused, accepted } = one;
  const said = (answer: Answer): string => (answer.accepted ? 'accepts it' : answer.message);
  const isGood = !one.isRejected;
  t.equal(buildah.accepted, isGood && accepted === undefined, `${name}: buildah ${said(buildah)}`);
  t.equal(s2oci.accepted, isGood && refused === undefined, `${name}: s2oci ${said(s2oci)}`);
  if (!buildah.accepted || !s2oci.accepted) return;
  const found = differencesOf(buildah.image, s2oci.image, one.history);
  const isMeant = (line: string) => one.differences.some(({ what }) => line.startsWith(what));
  t.strictSame(
    found.filter((line) => !isMeant(line)),
    [],
    `${name} is the same`,
  );
  const isThere = (what: string) => found.some((line) => line.startsWith(what));
  const gone = one.differences.filter(({ what }) => !isThere(what));
  t.strictSame(gone, [], `${name} differs where it is said to differ`);
}

type Tap = Pick<typeof t, 'equal' | 'strictSame'>;
