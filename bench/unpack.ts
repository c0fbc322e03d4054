/**
 * Unpacking an image, verified and written, beside `tar`, `umoci`, rootless `podman pull` and `buildah pull` of the
 * same OCI layout, as the same unprivileged user in the same run. Prints medians and ratios, and writes JSON.
 *
 *     npm run build && node bench/unpack.ts [--runs 3] [--scale 1] [--only many-gzip,many-zstd,few,two] [--json f.json]
 *
 * At scale 1: 45,000 entries and 700 MB in one layer; the same with zstd; 60 large files; the same in two layers. `tar`
 * verifies nothing. Blobs are in the page cache; nobody waits for the disk. What is unpacked stays until the end: at scale 1,
 * three runs of one subject take 12 GB of TMPDIR, which may be a tmpfs.
 */

import { chown, mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findTestUser, run } from '../test/support/as-user.ts';
import { type LayoutLayer, LayoutWriter } from '../test/support/builders/layout.ts';
import {
  type CommandCost,
  type Contender,
  inNamespace,
  printCosts,
  race,
  succeed,
  writeCosts,
} from './measure.ts';
import { makeTree, type TreeShape } from './tree.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    scale: { type: 'string', default: '1' },
    only: { type: 'string' },
    json: { type: 'string' },
  },
});

/** One image to unpack. */
interface Subject {
  readonly title: string;
  readonly compression: 'gzip' | 'zstd';
  /** One tree for each layer. */
  readonly layers: readonly TreeShape[];
}

const scale = Number(values.scale);
const shape = (files: number, megabytes: number): TreeShape => ({
  files: Math.ceil(files * scale),
  bytes: megabytes * 1e6 * scale,
  incompressible: 0.3,
});
// With their directories these are about 45,000 entries.
const subjects: Readonly<Record<string, Subject>> = {
  'many-gzip': { title: 'many files, gzip', compression: 'gzip', layers: [shape(38_000, 700)] },
  'many-zstd': { title: 'many files, zstd', compression: 'zstd', layers: [shape(38_000, 700)] },
  few: { title: 'few large files, gzip', compression: 'gzip', layers: [shape(60, 700)] },
  two: {
    title: 'two layers, gzip',
    compression: 'gzip',
    layers: [shape(19_000, 350), shape(19_001, 350)],
  },
};

const user = await findTestUser('with-subuids');
if (typeof user === 'string') throw new Error(user);
// podman takes the path of a layout for a name, which has no capital letters.
const work = join(tmpdir(), `s2oci-bench-${process.pid}`);
await mkdir(work);
await chown(work, user.uid, user.gid);
const env = { XDG_RUNTIME_DIR: work };
try {
  const races: Record<string, ReadonlyMap<string, CommandCost>> = {};
  for (const [name, subject] of Object.entries(subjects)) {
    if (values.only !== undefined && !values.only.split(',').includes(name)) continue;
    const image = await makeImage(join(work, name), subject);
    const costs = await race(contenders(image, subject), Number(values.runs), user, env);
    printCosts(subject.title, costs);
    races[subject.title] = costs;
  }
  if (values.json !== undefined) await writeCosts(values.json, races);
} finally {
  await succeed(['buildah', 'unshare', 'rm', '-rf', join(work, 'peers')], user, env);
  await rm(work, { recursive: true, force: true });
}

/** An image on disk: its layout and the blobs of its layers. */
interface Image {
  readonly layout: string;
  readonly blobs: readonly string[];
}

async function makeImage(directory: string, { compression, layers }: Subject): Promise<Image> {
  const layout = join(directory, 'layout');
  const writer = new LayoutWriter(layout);
  await writer.open();
  const written: LayoutLayer[] = [];
  for (const [i, tree] of layers.entries()) {
    const root = join(directory, `tree${i}`);
    makeTree(join(root, `layer${i}`), tree);
    const paths = await readdir(root, { recursive: true });
    written.push(await writer.addLayer({ root, paths, createdBy: 'benchmark' }));
    await rm(root, { recursive: true });
  }
  await writer.addImage(written, {});
  if (compression === 'gzip')
    return { layout, blobs: written.map(({ descriptor }) => blobPath(layout, descriptor.digest)) };
  const other = join(directory, compression);
  const copied = [`oci:${layout}:latest`, `oci:${other}:latest`];
  await must('skopeo', ['copy', '--quiet', '--dest-compress-format', compression, ...copied]);
  const manifest = await must('skopeo', ['inspect', '--raw', `oci:${other}:latest`]);
  const parsed = JSON.parse(manifest) as { layers: readonly { digest: string }[] };
  return { layout: other, blobs: parsed.layers.map(({ digest }) => blobPath(other, digest)) };
}

function blobPath(layout: string, digest: string): string {
  return join(layout, 'blobs', digest.replace(':', '/'));
}

async function must(command: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, args);
  if (code !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
}

function contenders({ layout, blobs }: Image, { compression }: Subject): Contender[] {
  const place = (name: string) => join(work, 'peers', name);
  // What is removed stays until the end: ext4 without a journal looks at every inode that was free a minute ago.
  const cleared = (name: string) =>
    inNamespace('sh', '-c', '[ ! -e "$0" ] || mv "$0" "$0.$$"', place(name));
  const ours = fileURLToPath(new URL('./inside/unpack.ts', import.meta.url));
  const decompress = compression === 'gzip' ? '-xzf' : '--zstd -xf';
  const extract = `mkdir -p "$0"; for blob; do tar ${decompress} "$blob" -C "$0" || exit; done`;
  const storage = (name: string) => [
    ...[
      '--root',
      place(name),
      '--runroot',
      join(work, `${name}-run`),
      '--storage-driver',
      'overlay',
    ],
  ];
  return [
    {
      name: 's2oci',
      command: inNamespace(process.execPath, ours, layout, place('ours')),
      reset: cleared('ours'),
    },
    {
      name: `tar ${decompress}`,
      command: inNamespace('sh', '-c', extract, place('tar'), ...blobs),
      reset: cleared('tar'),
    },
    {
      name: 'umoci raw unpack',
      command: inNamespace('umoci', 'raw', 'unpack', '--image', `${layout}:latest`, place('umoci')),
      reset: cleared('umoci'),
    },
    {
      name: 'podman pull, rootless',
      command: ['podman', ...storage('podman'), 'pull', '-q', `oci:${layout}:latest`],
      reset: cleared('podman'),
    },
    {
      name: 'buildah pull, rootless',
      command: ['buildah', ...storage('buildah'), 'pull', '-q', `oci:${layout}:latest`],
      reset: cleared('buildah'),
    },
  ];
}
