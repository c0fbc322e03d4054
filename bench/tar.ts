/**
 * Reads one generated archive with our reader, with tar-stream and with `tar -t`, and makes its headers with
 * our encoder and with tar-stream. Prints ratios and writes JSON.
 *
 *     node bench/tar.ts [--entries 45000] [--megabytes 740] [--runs 5] [--json tar.json]
 *
 * The archive is a file, read from the page cache in chunks of 1 MiB by each of them. Medians of runs that take
 * turns; the machine is noisy, so read the ratios, those of CPU time first.
 */

import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { extract, pack } from 'tar-stream';
import { byteStringOf } from '../src/model/index.ts';
import {
  encodeEntry,
  endOfArchive,
  paddingOf,
  type TarEntry,
  TarReader,
} from '../src/tar/index.ts';

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '45000' },
    megabytes: { type: 'string', default: '740' },
    runs: { type: 'string', default: '5' },
    json: { type: 'string' },
  },
});
const entryCount = Number(values.entries);
const chunkBytes = 2 ** 20;

/** Seconds of one run. */
interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

type Contender = () => Promise<Cost>;

const work = await mkdtemp(join(tmpdir(), 's2oci-bench-'));
try {
  const file = join(work, 'archive.tar');
  const entries = makeEntries();
  const bytes = writeArchive(file, entries);
  const reading = await race({
    ours: () => measure(() => readWithOurs(file)),
    'no parser': () => measure(() => readWithNone(file)),
    'tar-stream': () => measure(() => readWithTarStream(file)),
    'tar -t': async () => listWithTar(file),
  });
  const encoding = await race({
    ours: () => measure(async () => void entries.forEach(encodeEntry)),
    'tar-stream': () => measure(() => encodeWithTarStream(entries)),
  });
  await report(bytes, reading, encoding);
} finally {
  await rm(work, { recursive: true, force: true });
}

/** The shape of a distribution with programs and libraries: one directory in ten, most files small, a few large. */
function makeEntries(): TarEntry[] {
  const shares = [0, 0.02, 0.1, 0.2, 0.4, 1, 2, 5];
  const mean = (Number(values.megabytes) * 1e6) / (entryCount * 0.9);
  const unit = mean / (shares.reduce((sum, share) => sum + share) / shares.length);
  return Array.from({ length: entryCount }, (_, index): TarEntry => {
    const isDirectory = index % 10 === 0;
    const share = shares[index % shares.length] ?? 0;
    return {
      path: byteStringOf(`usr/lib/package-${index % 400}/share/file-${index}`),
      type: isDirectory ? 'directory' : 'file',
      mode: isDirectory ? 0o755 : 0o644,
      uid: 0,
      gid: 0,
      size: isDirectory ? 0 : Math.floor(share * unit),
      mtime: 1_700_000_000_000_000_000n,
      linkName: byteStringOf(''),
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: new Map(),
    };
  });
}

function writeArchive(file: string, entries: readonly TarEntry[]): number {
  const largest = entries.reduce((size, entry) => Math.max(size, entry.size), 0);
  const content = Buffer.alloc(largest, 'content ');
  const fd = openSync(file, 'w');
  let bytes = 0;
  for (const entry of entries)
    for (const part of [encodeEntry(entry), content.subarray(0, entry.size), paddingOf(entry.size)])
      bytes += writeSync(fd, part);
  bytes += writeSync(fd, endOfArchive);
  closeSync(fd);
  return bytes;
}

/** Runs the contenders in turns and returns the median cost of each. */
async function race<Name extends string>(
  contenders: Record<Name, Contender>,
): Promise<Record<Name, Cost>> {
  const names = Object.keys(contenders) as Name[];
  const costs = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    Cost[]
  >;
  for (let run = 0; run < Number(values.runs); run++)
    for (const name of names) costs[name].push(await contenders[name]());
  return Object.fromEntries(names.map((name) => [name, median(costs[name])])) as Record<Name, Cost>;
}

function median(costs: readonly Cost[]): Cost {
  const middle = (numbers: number[]) => numbers.sort((a, b) => a - b)[numbers.length >> 1] ?? 0;
  return { wall: middle(costs.map(({ wall }) => wall)), cpu: middle(costs.map(({ cpu }) => cpu)) };
}

async function measure(action: () => Promise<void>): Promise<Cost> {
  const start = performance.now();
  const before = process.cpuUsage();
  await action();
  const { user, system } = process.cpuUsage(before);
  return { wall: (performance.now() - start) / 1000, cpu: (user + system) / 1e6 };
}

/** Reads a file in chunks that share one buffer. */
function* chunksOf(file: string): Generator<Buffer> {
  const buffer = Buffer.alloc(chunkBytes);
  const fd = openSync(file, 'r');
  try {
    for (let length = -1; length !== 0; ) {
      length = readSync(fd, buffer);
      yield buffer.subarray(0, length);
    }
  } finally {
    closeSync(fd);
  }
}

async function readWithOurs(file: string): Promise<void> {
  let seen = 0;
  const reader = new TarReader({ entry: () => void seen++, data: () => undefined });
  for (const chunk of chunksOf(file)) reader.write(chunk);
  reader.end();
  requireAll(seen);
}

/** What it costs to read the file at all, which `tar -t` is spared: it seeks over contents. */
async function readWithNone(file: string): Promise<void> {
  let bytes = 0;
  for (const chunk of chunksOf(file)) bytes += chunk.length;
  if (bytes === 0) throw new Error('the archive is empty');
}

async function readWithTarStream(file: string): Promise<void> {
  let seen = 0;
  const parser = extract();
  const ended = new Promise<void>((resolve, reject) => {
    parser.on('finish', () => resolve());
    parser.on('error', reject);
  });
  parser.on('entry', (_header, content, next) => {
    seen++;
    content.on('end', () => next());
    content.resume();
  });
  for (const chunk of chunksOf(file))
    if (!parser.write(chunk))
      await new Promise<void>((resolve) => parser.once('drain', () => resolve()));
  parser.end(null);
  await ended;
  requireAll(seen);
}

/** The shell tells the CPU time of the program. */
function listWithTar(file: string): Cost {
  const script = 'TIMEFORMAT="%R %U %S"; time tar -tf "$1" > /dev/null';
  const { stderr } = spawnSync('bash', ['-c', script, 'bash', file], { encoding: 'utf8' });
  const [wall = 0, user = 0, system = 0] = stderr.trim().split(' ').map(Number);
  return { wall, cpu: user + system };
}

async function encodeWithTarStream(entries: readonly TarEntry[]): Promise<void> {
  const packer = pack();
  packer.resume();
  for (const { path, mode, uid, gid } of entries)
    packer.entry({ name: path, type: 'directory', mode, uid, gid });
  packer.finalize();
  await new Promise<void>((resolve) => packer.on('end', () => resolve()));
}

function requireAll(seen: number): void {
  if (seen !== entryCount) throw new Error(`read ${seen} of ${entryCount} entries`);
}

async function report(
  bytes: number,
  reading: Record<string, Cost>,
  encoding: Record<string, Cost>,
): Promise<void> {
  const machine = {
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
  };
  const write = (line: string) => process.stdout.write(`${line}\n`);
  write(`${entryCount} entries, ${Math.round(bytes / 1e6)} MB, node ${machine.node}`);
  for (const [what, costs] of Object.entries({ reading, encoding })) {
    const ours = costs['ours'] ?? { wall: 0, cpu: 0 };
    write(`${what}:`);
    for (const [name, { wall, cpu }] of Object.entries(costs))
      write(
        `  ${name.padEnd(12)}${wall.toFixed(3)} s, cpu ${cpu.toFixed(3)} s;` +
          ` ours takes ${(ours.wall / wall).toFixed(2)} of its time, ${(ours.cpu / cpu).toFixed(2)} of its cpu`,
      );
  }
  const result = { date: new Date().toISOString(), machine, entryCount, bytes, reading, encoding };
  if (values.json !== undefined)
    await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
}
