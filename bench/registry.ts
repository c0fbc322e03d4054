/**
 * Pulls and pushes through the registry client beside `skopeo copy`: same machine, same run, same registry,
 * everything verified and written. Prints a table of medians and ratios in Markdown, and writes JSON.
 *
 *     npm run build && node bench/registry.ts [--runs 5] [--megabytes 500] [--tls] [--json registry.json]
 *
 * `one` is an image of a single incompressible layer, `twelve` the same bytes in twelve layers. Each run is a
 * fresh process; contenders take turns. Pushes go to a fresh registry, so that nothing is there. The last
 * table counts what a push sends when nothing has changed. Medians; read the ratios, the machine is noisy.
 */

import { execFile } from 'node:child_process';
import { createCipheriv, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import {
  byteStringOf,
  composeManifest,
  descriptorOf,
  digestOf,
  mediaTypes,
  parseReference,
} from '../src/model/index.ts';
import { createRegistryClient } from '../src/registry/index.ts';
import { encodeEntry, endOfArchive, paddingOf } from '../src/tar/index.ts';
import { type DockerRegistry, startDockerRegistry } from '../test/support/docker-registry.ts';
import { forward } from '../test/support/fault-actions.ts';
import { startFaultServer } from '../test/support/fault-server.ts';

const run = promisify(execFile);
const program = fileURLToPath(new URL('../dist/program/main.js', import.meta.url));
const contenders = ['ours', 'skopeo'] as const;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    megabytes: { type: 'string', default: '500' },
    json: { type: 'string' },
    tls: { type: 'boolean', default: false },
  },
});

/** What one run cost. */
interface Cost {
  readonly wall: number;
  readonly cpu: number;
  readonly megabytes: number;
}

const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
// Lower case: podman takes paths of layouts for names of images.
const work = join(base, `s2oci-bench-${randomBytes(6).toString('hex')}`);
await mkdir(work);
try {
  await using registry = await startRegistry('registry');
  const total = Number(values.megabytes) * 1_000_000;
  await pushImage(registry, 'one', [total]);
  await pushImage(registry, 'twelve', Array<number>(12).fill(Math.floor(total / 12)));
  await pushImage(registry, 'ten', Array<number>(10).fill(100_000));
  const results = {
    'pull one': await race((who) => pull(who, registry, 'one')),
    'pull twelve': await race((who) => pull(who, registry, 'twelve')),
    'push one': await race((who) => push(who, registry, 'one')),
    'push twelve': await race((who) => push(who, registry, 'twelve')),
  };
  print(results);
  // The proxy that counts knows no authority; what is sent is the same.
  const unchanged = values.tls ? {} : await countUnchanged(registry);
  if (!values.tls)
    console.log('\n| push of ten unchanged layers | requests | bytes sent |\n|---|---|---|');
  for (const [who, { requests, bytes }] of Object.entries(unchanged)) {
    console.log(`| ${who} | ${requests} | ${bytes} |`);
  }
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, node: process.version };
  const document = { date: new Date().toISOString(), machine, results, unchanged };
  if (values.json !== undefined)
    await writeFile(values.json, JSON.stringify(document, undefined, 2));
} finally {
  await rm(work, { recursive: true, force: true });
}

type Contender = (typeof contenders)[number];
type Costs = Record<Contender, Cost>;

function startRegistry(name: string): Promise<DockerRegistry> {
  return startDockerRegistry({ dir: join(work, name), tls: values.tls });
}

async function pull(who: Contender, registry: DockerRegistry, name: string): Promise<Cost> {
  const target = join(work, 'pulled');
  await rm(target, { recursive: true, force: true });
  return measure(who, registry, `docker://${registry.host}/${name}:1`, `oci:${target}:1`);
}

async function push(who: Contender, registry: DockerRegistry, name: string): Promise<Cost> {
  const source = join(work, `layout-${name}`);
  if (!existsSync(source))
    await measure('ours', registry, `docker://${registry.host}/${name}:1`, `oci:${source}:1`);
  await rm(join(work, 'fresh'), { recursive: true, force: true });
  await using fresh = await startRegistry('fresh');
  return await measure(who, fresh, `oci:${source}:1`, `docker://${fresh.host}/${name}:1`);
}

/** Runs a whole process and takes its cost from `/usr/bin/time`. */
async function measure(
  who: Contender,
  { caFile }: Pick<DockerRegistry, 'caFile'>,
  from: string,
  to: string,
): Promise<Cost> {
  const trust = caFile === undefined ? 'tls-verify=false' : `cert-dir=${await trustIn(caFile)}`;
  const ours = (name: string): string => name.replace(/^docker:\/\//, '');
  const command =
    who === 'ours'
      ? [process.execPath, program, 'copy', '--quiet', ours(from), ours(to)]
      : ['skopeo', 'copy', `--src-${trust}`, `--dest-${trust}`, from, to];
  const env = {
    ...process.env,
    S2OCI_HOME: join(work, 'home'),
    ...(caFile !== undefined && { SSL_CERT_FILE: caFile }),
  };
  const { stderr } = await run('/usr/bin/time', ['-f', 'cost %e %U %S %M', ...command], { env });
  const [, wall, user, system, peak] = /cost (\S+) (\S+) (\S+) (\d+)/.exec(stderr) ?? [];
  return { wall: Number(wall), cpu: Number(user) + Number(system), megabytes: Number(peak) / 1024 };
}

/** A directory with an authority and nothing else. */
async function trustIn(caFile: string): Promise<string> {
  const directory = join(work, 'trust');
  await mkdir(directory, { recursive: true });
  await copyFile(caFile, join(directory, 'ca.crt'));
  return directory;
}

/** Lets the contenders take turns; returns the median of each. */
async function race(once: (who: Contender) => Promise<Cost>): Promise<Costs> {
  const costs: Record<Contender, Cost[]> = { ours: [], skopeo: [] };
  for (let i = 0; i < Number(values.runs); i += 1) {
    for (const who of i % 2 === 0 ? contenders : contenders.toReversed()) {
      costs[who].push(await once(who));
    }
  }
  return { ours: median(costs.ours), skopeo: median(costs.skopeo) };
}

function median(costs: readonly Cost[]): Cost {
  const middle = (pick: (cost: Cost) => number): number =>
    costs.map(pick).toSorted((a, b) => a - b)[Math.floor(costs.length / 2)] ?? 0;
  return {
    wall: middle(({ wall }) => wall),
    cpu: middle(({ cpu }) => cpu),
    megabytes: middle(({ megabytes }) => megabytes),
  };
}

function print(results: Readonly<Record<string, Costs>>): void {
  const row = (cells: readonly string[]) => console.log(`| ${cells.join(' | ')} |`);
  const columns = ['s', 'MB/s', 'CPU s', 'peak MB'];
  row(['', ...columns.map((c) => `s2oci ${c}`), ...columns.map((c) => `skopeo ${c}`), 'speed']);
  console.log(`|${'---|'.repeat(2 * columns.length + 2)}`);
  for (const [name, { ours, skopeo }] of Object.entries(results)) {
    const cells = [ours, skopeo].flatMap(({ wall, cpu, megabytes }) => [
      wall.toFixed(2),
      (Number(values.megabytes) / wall).toFixed(0),
      cpu.toFixed(2),
      megabytes.toFixed(0),
    ]);
    row([name, ...cells, `${(skopeo.wall / ours.wall).toFixed(2)} x`]);
  }
}

interface Traffic {
  readonly requests: number;
  readonly bytes: number;
}

/** Pushes an image that is there already, through a proxy that counts. */
async function countUnchanged(
  registry: DockerRegistry,
): Promise<Readonly<Record<string, Traffic>>> {
  await using server = await startFaultServer({
    upstream: registry.url,
    rules: [{ times: Number.POSITIVE_INFINITY, act: forward() }],
  });
  const source = join(work, 'layout-ten');
  await measure('ours', registry, `docker://${registry.host}/ten:1`, `oci:${source}:1`);
  const counted = async (push: () => Promise<unknown>): Promise<Traffic> => {
    const before = server.requests.length;
    await push();
    const made = server.requests.slice(before);
    return {
      requests: made.length,
      bytes: made.reduce((sum, { received }) => sum + received, 0),
    };
  };
  const plain = { caFile: undefined };
  const target = `docker://${server.host}/ten:1`;
  const result: Record<string, Traffic> = {
    ours: await counted(() => measure('ours', plain, `oci:${source}:1`, target)),
    skopeo: await counted(() => measure('skopeo', plain, `oci:${source}:1`, target)),
  };
  const root = ['--root', join(work, 'podman'), '--runroot', join(work, 'run')];
  const podman = (...args: readonly string[]) =>
    run('podman', [...root, '--storage-driver', 'vfs', ...args]);
  try {
    await podman('pull', `oci:${source}:1`);
    const { stdout } = await podman('images', '--quiet');
    const image = stdout.trim();
    result['podman'] = await counted(() => podman('push', '--tls-verify=false', image, target));
  } catch (error) {
    console.log(`podman is not compared: ${(error as Error).message}`);
  }
  return result;
}

/** Makes an image of incompressible layers and pushes it. */
async function pushImage(
  registry: DockerRegistry,
  name: string,
  sizes: readonly number[],
): Promise<void> {
  const caFiles = registry.caFile === undefined ? [] : [registry.caFile];
  await using client = createRegistryClient({ settings: { caFiles } });
  const repository = client.repository(parseReference(`${registry.host}/${name}`));
  const layers = sizes.map((size, i) => {
    const key = Buffer.alloc(16, `${name} ${i}`);
    const bytes = createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
    return layerOf(bytes);
  });
  const document = {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  };
  const config = Buffer.from(JSON.stringify(document));
  const blobs = [
    { bytes: config, descriptor: descriptorOf(config, mediaTypes.ociConfig) },
    ...layers.map(({ bytes }) => ({
      bytes,
      descriptor: descriptorOf(bytes, mediaTypes.ociLayerGzip),
    })),
  ];
  for (const { bytes, descriptor } of blobs) {
    await repository.putBlob(descriptor, async () => Readable.from(chunks(bytes)));
  }
  const [first, ...rest] = blobs.map(({ descriptor }) => descriptor);
  if (first === undefined) throw new Error('an image has a config');
  const { raw, mediaType } = composeManifest({ config: first, layers: rest }, 'oci');
  await repository.putManifest(raw, mediaType, ['1']);
}

/** A layer with one file. It is gzip, because skopeo compresses what is none, and stored, so that nobody has to work. */
function layerOf(content: Buffer) {
  const header = encodeEntry({
    path: byteStringOf('content'),
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: content.length,
    mtime: 0n,
    linkName: byteStringOf(''),
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map(),
  });
  const tar = Buffer.concat([header, content, paddingOf(content.length), endOfArchive]);
  return { bytes: gzipSync(tar, { level: 0 }), diffId: digestOf(tar) };
}

function* chunks(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}
