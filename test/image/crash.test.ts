/** L01: writers killed at any moment leave the old image or the new one under its name, nothing else. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { readAll } from '../../src/blob/index.ts';
import { BuildError } from '../../src/errors/index.ts';
import {
  copyImage,
  type OpenDeps,
  openDestination,
  openSource,
  readImage,
} from '../../src/image/index.ts';
import { parsePlatform } from '../../src/model/index.ts';
import { noFailpoint, openStore, parseFailpoints } from '../../src/store/index.ts';
import { seed } from '../support/property.ts';
import { largeImage, memoryImage } from './build-image.ts';

const script = fileURLToPath(new URL('child.ts', import.meta.url));
const kills = 8;

/** Starts a writer and kills it so many milliseconds after it has begun. */
async function writeAndKill(directory: string, name: string, delayMs: number): Promise<boolean> {
  const child = spawn(process.execPath, ['--no-warnings', script, directory, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 's2oci-test-compile-cache') },
  });
  const exited = once(child, 'exit');
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  await once(child.stdout, 'data');
  await sleep(delayMs);
  child.kill('SIGKILL');
  await exited;
  return output.includes('done');
}

async function readWhole(name: string, deps: OpenDeps): Promise<number> {
  await using source = await openSource(name, deps);
  const { manifest } = await readImage(source, parsePlatform('linux/amd64'));
  for (const layer of manifest.layers) await readAll(await source.open(layer), 1e8);
  return manifest.layers.length;
}

const names = ['oci:out:v1', 'oci-archive:out.tar:v1', 'docker-archive:out.tar:app:v1'];

for (const name of names) {
  t.test(`L01: killed writers of ${name}`, async (t) => {
    t.setTimeout(240_000);
    t.comment(`seed ${seed}`);
    const dir = t.testdir();
    await using store = await openStore(join(dir, 'state'));
    const registry = () => {
      throw new Error('no registry here');
    };
    const deps = { store, registry, absolutePath: (path: string) => join(dir, path) };
    const write = async (image: ReturnType<typeof memoryImage>) => {
      await using destination = await openDestination(name, deps);
      await copyImage(image, destination, { platform: 'all' });
    };
    await write(memoryImage());
    for (let i = 0; i < kills; i += 1) {
      const done = await writeAndKill(dir, name, (seed * (i + 1) * 7919) % 60);
      const layers = await readWhole(name, deps);
      t.ok(done ? layers === 4 : layers === 2 || layers === 4, `kill ${i}: ${layers} layers`);
    }
    await write(largeImage());
    t.equal(await readWhole(name, deps), 4);
    const expected = name.startsWith('oci:') ? ['out', 'state'] : ['out.tar', 'state'];
    t.same(
      (await readdir(dir)).toSorted(),
      expected,
      'the last writer leaves nothing of the killed',
    );
    if (name.startsWith('oci:')) {
      const entries = await readdir(join(dir, 'out'));
      t.same(entries.toSorted(), ['blobs', 'index.json', 'oci-layout']);
    }
  });
}

/** More hits than there are: a sweep that does not end is an error of the test. */
const mostHits = 60;

for (const name of names)
  t.test(`L03: a full disk at every site, writing ${name} over another image`, async (t) => {
    const [small, large] = [memoryImage(), largeImage()];
    const dir = t.testdir();
    await using store = await openStore(join(dir, 'state'));
    const registry = () => {
      throw new Error('no registry here');
    };
    for (let n = 1; n < mostHits; n += 1) {
      const place = join(dir, `${n}`);
      await mkdir(place);
      const deps = { store, registry, absolutePath: (path: string) => join(place, path) };
      const write = async (image: ReturnType<typeof memoryImage>, failpoint = noFailpoint) => {
        await using destination = await openDestination(name, { ...deps, failpoint });
        await copyImage(image, destination, { platform: 'all' });
      };
      await write(small);
      const failpoint = parseFailpoints(`*=${n}*error(ENOSPC)`, () => {});
      const error = await write(large, failpoint).catch((thrown: unknown) => thrown);
      const layers = await readWhole(name, deps).catch(() => 0);
      if (error !== undefined) {
        t.ok(error instanceof BuildError && error.code === 'NO_SPACE', `hit ${n}: ${error}`);
        // What fails after the rename only cannot promise that the new image survives a power loss.
        t.ok([2, 4].includes(layers), `hit ${n}: ${layers} layers`);
      }
      await write(large);
      t.equal(await readWhole(name, deps), 4, `hit ${n}: written again`);
      const leftovers = (await readdir(place)).filter((entry) => !/^out(\.tar)?$/.test(entry));
      t.same(leftovers, []);
      if (error === undefined) return t.ok(n > 5, `${n - 1} hits`);
    }
    return t.fail('the sweep does not end');
  });
