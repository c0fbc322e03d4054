/**
 * The cases of `spec-fixtures/dockerfiles` give the same root file system and the same config as buildah gives, built
 * by an unprivileged user. What differs on purpose stands in the case with its reason, and in docs/dockerfile.md.
 *
 * Every second case is built, because buildah takes minutes for all of them; `S2OCI_EQUIVALENCE=regex` builds the cases whose
 * names match, and `S2OCI_EQUIVALENCE=.` builds all.
 */

import t from 'tap';
import type { Answer } from './equivalence/buildah.ts';
import { type Case, readCases } from './equivalence/cases.ts';
import { differencesOf } from './equivalence/compare.ts';
import { caseOf, environmentOf, randomWords } from './equivalence/random-words.ts';
import { Builders } from './equivalence/workbench.ts';

t.setTimeout(1_200_000);

/** The cases that are built at a time. */
const atOnce = 2;

const asked = process.env['S2OCI_EQUIVALENCE'];
const cases = await readCases();
const compared =
  asked === undefined
    ? cases.filter((_, index) => index % 2 === 0)
    : cases.filter(({ name }) => new RegExp(asked).test(name));
const builders = await Builders.open();
t.teardown(() => builders[Symbol.asyncDispose]());

t.test('s2oci and buildah make the same images', async (t) => {
  await inParallel(compared, (one) => check(t, one, 'many'));
});

/** What can depend on how many ids the user has. */
const forOneId = new Set([
  ...['copy-all', 'copy-chown-names', 'copy-chown-numbers', 'copy-chmod-symbolic', 'copy-heredoc'],
  ...['copy-from-stage-keeps-owners', 'copy-parents', 'copy-hard-links', 'copy-ignored'],
  ...['add-tar', 'add-tar-chown', 'workdir-owner-with-user', 'workdir-through-symlink'],
  ...['run-shell', 'run-delete', 'run-hard-links', 'run-directory-to-file', 'run-many-layers'],
  ...['run-chown-only', 'run-rename', 'run-fifo-and-special-bits', 'run-heredoc-script'],
  ...['run-cache-mount', 'run-bind-context', 'run-bind-stage', 'run-tmpfs-mount', 'onbuild-runs'],
]);

t.test('a user with one id makes them, too, but for owners that RUN sets', async (t) => {
  const some = compared.filter(({ name }) => forOneId.has(name));
  await inParallel(some, (one) => check(t, one, 'one'));
});

t.test('words at random mean the same in ENV', async (t) => {
  const words = randomWords(250);
  const answer = await builders.buildah(caseOf(words));
  if (!answer.accepted) throw new Error(answer.message);
  const env = (answer.image.config['Env'] as readonly string[]).map((entry) =>
    entry.split(/=(.*)/s),
  );
  const theirs = new Map(env.map(([name = '', value = '']) => [name, value]));
  const ours = environmentOf(words);
  t.strictSame(
    words.map((word, index) => [word, ours?.get(`V${index}`)]),
    words.map((word, index) => [word, theirs.get(`V${index}`)]),
  );
});

async function inParallel(cases: readonly Case[], work: (one: Case) => Promise<void>) {
  const left = cases.values();
  const worker = async (): Promise<void> => {
    for (const one of left) await work(one);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

async function check(t: Tap, one: Case, ids: 'many' | 'one'): Promise<void> {
  const buildah = await builders.buildah(one);
  const s2oci = await builders.s2oci(one, ids);
  const { name, refused, accepted, history } = one;
  const said = (answer: Answer): string => (answer.accepted ? 'accepts it' : answer.message);
  const isGood = !one.isRejected;
  t.equal(buildah.accepted, isGood && accepted === undefined, `${name}: buildah ${said(buildah)}`);
  t.equal(s2oci.accepted, isGood && refused === undefined, `${name}: s2oci ${said(s2oci)}`);
  if (!buildah.accepted || !s2oci.accepted) return;
  const owners = ids === 'many' || !/^(?:ONBUILD )?RUN/m.test(one.dockerfile);
  const found = differencesOf(buildah.image, s2oci.image, { history, owners });
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
