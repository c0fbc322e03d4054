/**
 * The memory of pulls and pushes has a bound that the size of the blob does not enter (items 28 and 53), and
 * the benchmark that compares their speed with skopeo's runs and tells all its figures (items 29 and 53).
 */

import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { silentReporter } from '../../src/events/index.ts';
import { composeIndex } from '../../src/model/index.ts';
import { startRegistry } from '../../src/server/index.ts';
import { imageOf, layerOf } from './support.ts';

const run = promisify(execFile);
const program = fileURLToPath(new URL('../../dist/program/main.js', import.meta.url));
const benchmark = fileURLToPath(new URL('../../bench/registry.ts', import.meta.url));

/** The program itself takes about 80 MB; the blob would not fit into what is left. */
const bound = 200;
const blobSize = 256_000_000;

t.test('item 28: the memory of a push and a pull is bounded, however large the blob', async (t) => {
  const directory = t.testdir({});
  const layout = join(directory, 'layout');
  const digest = await writeLayout(layout, imageOf([layerOf(blobSize)]));
  await using registry = await startRegistry({
    directory: join(directory, 'registry'),
    reporter: silentReporter,
  });
  const place = `${registry.host}/large:1`;
  const copied = join(directory, 'copied');
  const pushed = await copy(directory, `oci:${layout}@${digest}`, place);
  t.ok(pushed < bound, `a push took ${pushed} MB`);
  const pulled = await copy(directory, place, `oci:${copied}:1`);
  t.ok(pulled < bound, `a pull took ${pulled} MB`);
  const index = await readFile(join(copied, 'index.json'), 'utf8');
  t.match(index, digest, 'and what came is what went');

  await using other = await startRegistry({
    directory: join(directory, 'other'),
    reporter: silentReporter,
  });
  const moved = await copy(directory, place, `${other.host}/large:1`);
  t.ok(moved < bound, `from registry to registry it took ${moved} MB`);
});

t.test('items 29 and 53: the benchmark beside skopeo runs and tells its figures', async (t) => {
  const file = join(t.testdir({}), 'figures.json');
  const { stdout } = await run(process.execPath, [
    benchmark,
    ...['--runs', '1', '--megabytes', '2', '--json', file],
  ]);
  const { results, unchanged } = JSON.parse(await readFile(file, 'utf8'));
  for (const work of ['pull one', 'pull twelve', 'push one', 'push twelve']) {
    t.match(stdout, new RegExp(`^\\| ${work} \\|`, 'm'));
    for (const who of ['ours', 'skopeo']) {
      t.ok(results[work][who].wall > 0, `${work}: time of ${who}`);
      t.ok(results[work][who].megabytes > 0, `${work}: memory of ${who}`);
    }
  }
  const { ours, skopeo, podman } = unchanged;
  t.ok(ours.requests <= skopeo.requests, 'an unchanged push asks no more than skopeo does');
  t.ok(ours.requests <= podman.requests, 'nor than podman');
  t.ok(ours.bytes <= skopeo.bytes, 'and sends no more');
});

/** Copies in a process of its own; returns the most memory that it held, in MB. */
async function copy(directory: string, from: string, to: string): Promise<number> {
  // Not resourceUsage(): what that tells includes the process that this one was forked from.
  const tell =
    "process.on('exit', () => process.stderr.write(fs.readFileSync('/proc/self/status')))";
  const script = `import fs from 'node:fs'; ${tell}`;
  const args = ['--import', `data:text/javascript,${encodeURIComponent(script)}`];
  const env = { ...process.env, S2OCI_HOME: join(directory, 'home') };
  const { stderr } = await run(process.execPath, [...args, program, 'copy', '--quiet', from, to], {
    env,
  });
  return Math.round(Number(/^VmHWM:\s*(\d+) kB$/m.exec(stderr)?.[1]) / 1024);
}

async function writeLayout(directory: string, image: ReturnType<typeof imageOf>): Promise<string> {
  const blobs = join(directory, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const { manifest, descriptor } = image;
  const contents = [...image.blobs, { descriptor, bytes: manifest.raw }];
  for (const { descriptor, bytes } of contents)
    await writeFile(join(blobs, descriptor.digest.slice('sha256:'.length)), bytes);
  await writeFile(join(directory, 'index.json'), composeIndex([descriptor]).raw);
  await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return descriptor.digest;
}
