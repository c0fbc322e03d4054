/** Random things that a build does to a root file system, for an overlay and a plain copy alike. */

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { fc } from '../../support/property.ts';
import { mapping } from './scene.ts';

/** One step of a build. Impossible steps do nothing. */
export interface Mutation {
  readonly kind: keyof typeof steps;
  readonly path: string;
  readonly other: string;
  readonly seed: number;
}

const name = fc.constantFrom('a', 'b', 'c', 'd');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));

type Step = (path: string, other: string, seed: number) => void;

const steps = {
  write: (path, _other, seed) => fs.writeFileSync(path, `new ${seed}`),
  rewriteSame: (path) => fs.writeFileSync(path, fs.readFileSync(path)),
  overwriteInPlace: (path, _other, seed) => {
    const fd = fs.openSync(path, 'r+');
    fs.writeSync(fd, String(seed % 10), 0);
    fs.closeSync(fd);
  },
  touch: (path) => fs.utimesSync(path, 1_700_000_000, 1_700_000_000),
  setOldTime: (path, _other, seed) => fs.lutimesSync(path, 1_400_000_000 + seed, 1_400_000_000.25),
  chmod: (path, _other, seed) => fs.chmodSync(path, 0o500 + (seed % 0o277)),
  chmodAndBack: (path) => {
    const { mode } = fs.statSync(path);
    fs.chmodSync(path, 0o700);
    fs.chmodSync(path, mode & 0o7777);
  },
  chown: (path, _other, seed) => {
    if (mapping === 'full') fs.lchownSync(path, seed % 50, seed % 7);
  },
  mkdir: (path) => fs.mkdirSync(path, { recursive: true }),
  symlink: (path, _other, seed) => fs.symlinkSync(`target${seed}`, path),
  link: (path, other) => fs.linkSync(other, path),
  unlink: (path) => fs.unlinkSync(path),
  removeTree: (path) => fs.rmSync(path, { recursive: true }),
  removeAndRemake: (path) => {
    fs.rmSync(path, { recursive: true });
    fs.mkdirSync(path);
  },
  rename: (path, other) => fs.renameSync(path, other),
  move: (path, other) => {
    // Unlike rename(2) this also moves directories of the lower file system. Not by `cpSync`, which ends
    // the process when a directory meets a file.
    const { status } = spawnSync('cp', ['-a', '--', path, other]);
    if (status !== 0) throw Object.assign(new Error('not moved'), { code: 'EMOVE' });
    fs.rmSync(path, { recursive: true });
  },
  setXattr: (path, _other, seed) =>
    void spawnSync('setfattr', ['-h', '-n', 'user.test', '-v', `${seed}`, '--', path]),
  removeXattr: (path) => void spawnSync('setfattr', ['-h', '-x', 'user.test', '--', path]),
  truncate: (path, _other, seed) => fs.truncateSync(path, seed % 5000),
  fifo: (path) => void spawnSync('mkfifo', ['--', path]),
} satisfies Record<string, Step>;

const opening: ReadonlySet<string> = new Set(['write', 'rewriteSame', 'overwriteInPlace']);

/** A build of up to twenty steps. */
export const anyBuild: fc.Arbitrary<readonly Mutation[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(...(Object.keys(steps) as (keyof typeof steps)[])),
    ...{ path, other: path, seed: fc.nat(999) },
  }),
  { minLength: 1, maxLength: 20 },
);

/** Takes a step in a root file system; returns the error's code when it was impossible. */
export function mutate(
  root: string,
  { kind, path: at, other, seed }: Mutation,
): string | undefined {
  const path = join(root, at);
  try {
    // Opening a FIFO would wait for somebody at its other end.
    if (opening.has(kind) && fs.statSync(path, { throwIfNoEntry: false })?.isFIFO()) return 'ENXIO';
    (steps[kind] as Step)(path, join(root, other), seed);
    return undefined;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
