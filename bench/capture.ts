/**
 * Capturing a change as a layer (walk, archive, hash, compress, hash, store) beside `tar -c | pigz | sha256sum` and
 * `tar -c | zstd | sha256sum` of the same directory, as the same unprivileged user in the same run. Prints medians and
 * ratios, and writes JSON.
 *
 *     npm run build && node bench/capture.ts [--runs 3] [--scale 1] [--json capture.json]
 *
 * At scale 1: 27,000 new files, 300 MB. What the peers write is not synced to the disk, ours is.
 */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findTestUser, run } from '../test/support/as-user.ts';
import { type CommandCost, inNamespace, printCosts, race, succeed, writeCosts } from './measure.ts';
import { makeTree } from './tree.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    scale: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const found = await findTestUser('with-subuids');
if (typeof found === 'string') throw new Error(found);
const user = found;
const scale = Number(values.scale);
const work = await mkdtemp(join(tmpdir(), 's2oci-bench-'));
try {
  for (const name of ['lower/fs', 'upper', 'work'])
    await mkdir(join(work, name), { recursive: true });
  await writeFile(join(work, 'lower/index.jsonl'), '');
  const files = Math.ceil(27_000 * scale);
  makeTree(join(work, 'upper/app'), { files, bytes: 300e6 * scale, incompressible: 0.3 });
  await run('chown', ['-R', `${user.uid}:${user.gid}`, work]);
  const races: Record<string, ReadonlyMap<string, CommandCost>> = {};
  for (const [compression, peer] of [
    ['gzip', 'pigz'],
    ['zstd', 'zstd -T0'],
    ['none', 'cat'],
  ] as const) {
    const costs = await beside(compression, peer);
    printCosts(`${files} files, ${compression}`, costs);
    races[compression] = costs;
  }
  if (values.json !== undefined) await writeCosts(values.json, races);
} finally {
  await succeed(
    inNamespace('rm', '-rf', ...['home', 'work', 'merged'].map((n) => join(work, n))),
    user,
  );
  await rm(work, { recursive: true, force: true });
}

function beside(compression: string, peer: string) {
  const ours = fileURLToPath(new URL('./inside/capture.ts', import.meta.url));
  const pipe = `tar -c -C "$0" . | tee >(sha256sum >&2) | ${peer} | tee "$1" | sha256sum`;
  return race(
    [
      {
        name: 's2oci',
        command: inNamespace(process.execPath, ours, work, compression),
        // A volatile overlay leaves a mark there, so that it cannot be mounted again.
        reset: inNamespace('rm', '-rf', join(work, 'home'), join(work, 'work/work')),
      },
      {
        name: `tar -c | ${peer}, hashes`,
        command: inNamespace('bash', '-c', pipe, join(work, 'upper'), join(work, 'out')),
      },
    ],
    Number(values.runs),
    user,
  );
}
