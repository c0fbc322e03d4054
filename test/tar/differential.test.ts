import { readdirSync, readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import {
  damagedArchive,
  type GeneratedArchive,
  wellFormedArchive,
} from '../../spec-fixtures/tar/generator.ts';
import { goVectors } from '../../spec-fixtures/tar/go-vectors.ts';
import { hostileVectors } from '../../spec-fixtures/tar/hostile-vectors.ts';
import { encodeEntry, endOfArchive } from '../../src/tar/index.ts';
import { fc, seed } from '../support/property.ts';
import {
  compare,
  type Difference,
  explainPeer,
  gnuTarRules,
  type PeerRule,
  pythonRules,
  type Refusal,
  refusals,
  tarStreamRules,
} from './differences.ts';
import { anyEntry } from './entries.ts';
import {
  compileGoReader,
  goTestdata,
  listByGnuTar,
  type PlainEntry,
  type PlainReading,
  plainReading,
  readByGo,
  readByPython,
  readByTarStream,
} from './peers.ts';
import { read } from './support.ts';
import { traitsOf } from './traits.ts';

t.setTimeout(240_000);

const contentBytes = 64 * 2 ** 20;
const goReader = await compileGoReader(t.testdir());
const testdata = goReader === undefined ? undefined : await goTestdata();

interface Archive extends GeneratedArchive {
  readonly name: string;
}

const header: readonly (keyof PlainEntry)[] = [
  'path',
  'type',
  'mode',
  'uid',
  'gid',
  'size',
  'mtime',
  'linkName',
  'device',
];

function generate(count: number): Archive[] {
  const half = { numRuns: count / 2 };
  const archives = [...fc.sample(wellFormedArchive, half), ...fc.sample(damagedArchive, half)];
  return archives.map((archive, index) => ({
    ...archive,
    name: `seed ${seed} number ${index} of ${count}`,
  }));
}

const unread: PlainReading = { entries: [], refusal: 'not read at all' };
const bytesOf = (archives: readonly Archive[]) => archives.map(({ bytes }) => bytes);

function readOurselves({ bytes }: Archive): PlainReading {
  return plainReading(read(bytes, { limits: { contentBytes } }));
}

/** What is needed to look into a difference. */
function report(archive: Archive, ours: PlainReading, theirs: PlainReading): string {
  const text = (reading: PlainReading) =>
    JSON.stringify(reading, (_key, value) => (typeof value === 'bigint' ? `${value}` : value));
  return `${archive.name} ${archive.damage}\nours   ${text(ours)}\ntheirs ${text(theirs)}\n${archive.bytes.toString('base64')}`;
}

/** Counts what agrees and, by reason, what does not. */
class Tally {
  #agreed = 0;
  readonly #reasons = new Map<string, number>();

  agree(): void {
    this.#agreed++;
  }

  differ(reason: string): void {
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
  }

  show(t: Test): void {
    t.comment(`seed ${seed}: ${this.#agreed} archives are read alike`);
    const sorted = [...this.#reasons].sort(([, a], [, b]) => b - a);
    for (const [reason, count] of sorted) t.comment(`${count} times: ${reason}`);
    t.ok(this.#agreed > 0, `read alike: ${this.#agreed}`);
  }
}

/** With Go there is one allowed difference: that we refuse what it lets pass, for a reason in the table. */
function compareWithGo(
  t: Test,
  archives: readonly Archive[],
  theirs: readonly PlainReading[],
): void {
  const tally = new Tally();
  t.equal(theirs.length, archives.length, 'one reading for each archive');
  for (const [index, archive] of archives.entries()) {
    const [ours, go] = [readOurselves(archive), theirs[index] ?? unread];
    const difference = compare(ours, go, [...header, 'content', 'xattrs']);
    const refusal = difference === undefined ? undefined : knownRefusal(difference);
    if (difference === undefined) tally.agree();
    else if (refusal !== undefined && refusal.go !== 'refuses')
      tally.differ(`we refuse, ${refusal.message}: ${refusal.why}`);
    else t.fail(`${difference.kind}, ${difference.detail}: ${report(archive, ours, go)}`);
  }
  tally.show(t);
}

/** With the others, what we refuse must be in the table of refusals, all else in the table of the peer. */
function compareWithPeer(
  t: Test,
  archives: readonly Archive[],
  theirs: readonly PlainReading[],
  rules: readonly PeerRule[],
  fields: readonly (keyof PlainEntry)[],
): void {
  const tally = new Tally();
  t.equal(theirs.length, archives.length, 'one reading for each archive');
  for (const [index, archive] of archives.entries()) {
    const [ours, peer] = [inSeconds(readOurselves(archive)), theirs[index] ?? unread];
    const difference = compare(ours, peer, fields);
    if (difference === undefined) {
      tally.agree();
      continue;
    }
    const refusal = knownRefusal(difference);
    const explanation = explainPeer(difference, traitsOf(archive.bytes), rules);
    if (refusal !== undefined) tally.differ(`we refuse, ${refusal.message}: ${refusal.why}`);
    else if (explanation.length > 0)
      for (const { trait, why } of explanation) tally.differ(`${trait}: it ${why}`);
    else t.fail(`${difference.kind}, ${difference.detail}: ${report(archive, ours, peer)}`);
  }
  tally.show(t);
}

function knownRefusal({ kind, detail }: Difference): Refusal | undefined {
  if (kind !== 'only we refuse') return undefined;
  return refusals.find(({ message }) => message.test(detail));
}

/** Whole seconds, for peers that tell no more. */
function inSeconds(reading: PlainReading): PlainReading {
  const second = 1_000_000_000n;
  const floor = (time: bigint) => time - (((time % second) + second) % second);
  return {
    ...reading,
    entries: reading.entries.map((entry) => ({ ...entry, mtime: floor(entry.mtime) })),
  };
}

t.test(
  'Go reads what we read, or we refuse',
  { skip: goReader === undefined && 'there is no go' },
  async (t) => {
    const archives = generate(4000);
    compareWithGo(t, archives, await readByGo(goReader ?? '', bytesOf(archives)));
  },
);

t.test(
  'Go agrees with every vector',
  { skip: goReader === undefined && 'there is no go' },
  async (t) => {
    const archives = [...goVectors, ...hostileVectors].map(({ name, build }) => ({
      name,
      bytes: build(),
      damage: [],
    }));
    compareWithGo(t, archives, await readByGo(goReader ?? '', bytesOf(archives)));
  },
);

const noTestdata = testdata === undefined && 'there is no go, or it came without its tests';

t.test('Go agrees on the archives of its own tests', { skip: noTestdata }, async (t) => {
  const names = readdirSync(testdata ?? '').filter((name) => /\.tar(?:\.base64)?$/.test(name));
  const archives = names.map((name) => {
    const bytes = readFileSync(`${testdata}/${name}`);
    const plain = name.endsWith('64') ? Buffer.from(`${bytes}`, 'base64') : bytes;
    return { name, damage: [], bytes: plain };
  });
  t.ok(archives.length > 30, `${archives.length} archives`);
  compareWithGo(t, archives, await readByGo(goReader ?? '', bytesOf(archives)));
});

t.test('Python reads what we read, but for the known differences', async (t) => {
  const archives = generate(2000);
  const theirs = await readByPython(bytesOf(archives));
  compareWithPeer(t, archives, theirs, pythonRules, [...header, 'content', 'xattrs']);
});

t.test(
  'Go and Python read back what we write',
  { skip: goReader === undefined && 'there is no go' },
  async (t) => {
    const lists = fc.sample(fc.array(anyEntry, { minLength: 1, maxLength: 20 }), {
      numRuns: 200,
    });
    const archives = lists.map((entries, index) => ({
      name: `written, seed ${seed} number ${index}`,
      bytes: Buffer.concat([...entries.map(encodeEntry), endOfArchive]),
      damage: [],
    }));
    const everything: readonly (keyof PlainEntry)[] = [...header, 'content', 'xattrs'];
    const byGo = await readByGo(goReader ?? '', bytesOf(archives));
    const byPython = await readByPython(bytesOf(archives));
    for (const [index, archive] of archives.entries()) {
      const ours = readOurselves(archive);
      t.equal(compare(ours, byGo[index] ?? unread, everything), undefined, `Go, ${archive.name}`);
      const withoutTimes = everything.filter((field) => field !== 'mtime');
      const difference = compare(ours, byPython[index] ?? unread, withoutTimes);
      t.equal(difference, undefined, `Python, ${archive.name}`);
    }
  },
);

t.test('GNU tar lists what we read, but for the known differences', async (t) => {
  const archives = generate(300);
  const theirs = archives.map(({ bytes }) => listByGnuTar(bytes));
  compareWithPeer(t, archives, theirs, gnuTarRules, header);
});

t.test('tar-stream reads what we read, but for the known differences', async (t) => {
  const archives = generate(1000);
  const theirs: PlainReading[] = [];
  for (const { bytes } of archives) theirs.push(await readByTarStream(bytes));
  compareWithPeer(t, archives, theirs, tarStreamRules, [...header, 'content']);
});
