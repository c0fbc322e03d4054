/** The build cache over a real store, with OCI layouts as the caches elsewhere. */

import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { streamOf } from '../../src/blob/index.ts';
import {
  BuildCache,
  type CacheOptions,
  type CacheResult,
  type CacheStep,
  parseCacheExport,
  parseCacheImport,
} from '../../src/cache/index.ts';
import { openDestination, openSource } from '../../src/image/index.ts';
import { mediaTypes } from '../../src/model/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';

const signal = new AbortController().signal;
const main = { name: 'oci:cache:main', mode: 'max' } as const;

interface Machine {
  readonly store: Store;
  readonly warnings: string[];
  open(options?: Partial<CacheOptions>): Promise<BuildCache>;
}

/** A machine with a store of its own; layouts of all of them lie in one directory. */
async function machine(t: Test, directory: string, name: string): Promise<Machine> {
  const store = await openStore(join(directory, name));
  t.teardown(() => store[Symbol.asyncDispose]());
  const lease = await store.acquireLease();
  t.teardown(() => lease.release());
  const deps = {
    store,
    registry: () => {
      throw new Error('there is no registry here');
    },
    absolutePath: (path: string) => join(directory, path),
  };
  const images = {
    source: (image: string) => openSource(image, deps, signal),
    destination: (image: string) => openDestination(image, deps, signal),
  };
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message);
  const open = async (options: Partial<CacheOptions> = {}) =>
    new BuildCache({ store, lease, images, warn }, { read: true, from: [], to: [], ...options });
  return { store, warnings, open };
}

async function temporary(t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 's2oci-cache-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function stepOf(value: string): CacheStep {
  return { kind: 'test', name: 'step', inputs: [{ label: 'input', value }] };
}

async function makeResult({ store }: Machine, text: string): Promise<CacheResult> {
  const { digest, size } = await store.ingest(streamOf(Buffer.from(text)));
  const descriptor = { mediaType: mediaTypes.ociLayer, digest, size };
  return { layer: { descriptor, diffId: digest }, facts: { text } };
}

t.test('a result is found under the same inputs, and told why not under others', async (t) => {
  const here = await machine(t, await temporary(t), 'a');
  await using cache = await here.open();
  t.notOk(await cache.mayHave());
  t.match(await cache.find(stepOf('1'), signal), { found: false, why: /not built here before/ });
  const result = await makeResult(here, 'layer');
  await cache.keep(stepOf('1'), result);
  t.ok(await cache.mayHave());
  t.match(await cache.find(stepOf('1'), signal), { found: true, ...result, place: 'this machine' });
  t.match(await cache.find(stepOf('2'), signal), { found: false, why: 'input changed' });
  await using blind = await here.open({ read: false });
  t.match(await blind.find(stepOf('1'), signal), { found: false, why: /--no-cache/ });
  t.notOk(await blind.mayHave());
  t.same(here.warnings, []);
});

t.test('a step that changed no file has a result too', async (t) => {
  const here = await machine(t, await temporary(t), 'a');
  await using cache = await here.open();
  await cache.keep(stepOf('1'), { facts: 5 });
  const hit = await cache.find(stepOf('1'), signal);
  t.match(hit, { found: true, facts: 5 });
  t.notOk('layer' in hit);
});

t.test('a result whose layer is gone or cut off is a miss', async (t) => {
  const here = await machine(t, await temporary(t), 'a');
  await using cache = await here.open();
  const result = await makeResult(here, 'layer');
  await cache.keep(stepOf('1'), result);
  const path = here.store.paths.blob(result.layer?.descriptor.digest ?? ('' as never));
  await truncate(path, 2);
  await using other = await here.open();
  t.match(await other.find(stepOf('1'), signal), { found: false, why: /not kept any more/ });
  await rm(path);
  t.notOk((await other.find(stepOf('1'), signal)).found);
});

t.test('pruning everything takes results along; a lease keeps what a hit names', async (t) => {
  const here = await machine(t, await temporary(t), 'a');
  await using cache = await here.open();
  const kept = await makeResult(here, 'kept');
  await cache.keep(stepOf('1'), kept);
  await cache.keep(stepOf('2'), await makeResult(here, 'lost'));
  t.equal((await here.store.df()).records.count, 3, 'two results, and the inputs of the step');
  t.ok((await cache.find(stepOf('1'), signal)).found);
  await here.store.prune();
  t.ok(await here.store.has(kept.layer?.descriptor.digest ?? ('' as never)));
  t.notOk((await cache.find(stepOf('2'), signal)).found);
  t.equal((await here.store.df()).records.count, 0);
});

t.test('a cache elsewhere brings results to another machine', async (t) => {
  const directory = await temporary(t);
  const here = await machine(t, directory, 'a');
  {
    await using cache = await here.open({ to: [main] });
    await cache.keep(stepOf('1'), await makeResult(here, 'one'));
    await cache.publish([], signal);
  }
  const there = await machine(t, directory, 'b');
  await using cache = await there.open({ from: ['oci:cache:main'], to: [main] });
  t.ok(await cache.mayHave());
  const hit = await cache.find(stepOf('1'), signal);
  t.match(hit, { found: true, facts: { text: 'one' }, place: 'oci:cache:main' });
  if (!hit.found || hit.layer === undefined) return;
  const body = await hit.blobs.open(hit.layer.descriptor);
  t.equal(Buffer.concat(await body.toArray()).toString(), 'one');
  t.notOk(await there.store.has(hit.layer.descriptor.digest), 'nothing was fetched to find it');

  const before = await readFile(join(directory, 'cache/index.json'), 'utf8');
  await cache.publish([], signal);
  t.equal(await readFile(join(directory, 'cache/index.json'), 'utf8'), before, 'nothing is new');
  await cache.keep(stepOf('2'), await makeResult(there, 'two'));
  await cache.publish([], signal);
  const third = await machine(t, directory, 'c');
  await using merged = await third.open({ from: ['oci:cache:main'] });
  for (const value of ['1', '2']) t.ok((await merged.find(stepOf(value), signal)).found, value);
  t.same([...here.warnings, ...there.warnings, ...third.warnings], []);
});

t.test('a cache of mode min gets no results of other stages', async (t) => {
  const directory = await temporary(t);
  const here = await machine(t, directory, 'a');
  {
    await using cache = await here.open({ to: [{ ...main, mode: 'min' }] });
    const inImage = await makeResult(here, 'one');
    await cache.keep(stepOf('of the image'), inImage);
    await cache.keep(stepOf('of another stage'), await makeResult(here, 'two'));
    await cache.keep(stepOf('without files'), { facts: null });
    await cache.publish(
      inImage.layer === undefined ? [] : [inImage.layer.descriptor.digest],
      signal,
    );
  }
  const there = await machine(t, directory, 'b');
  await using cache = await there.open({ from: [main.name] });
  const isThere = async (value: string) => (await cache.find(stepOf(value), signal)).found;
  t.ok(await isThere('of the image'));
  t.ok(await isThere('without files'));
  t.notOk(await isThere('of another stage'));
});

t.test('caches are named by a reference, or as BuildKit names them', (t) => {
  const name = 'r.example/apps/cache:x';
  t.equal(parseCacheImport(name), name);
  t.equal(parseCacheImport(`type=registry,ref=${name}`), name);
  t.same(parseCacheExport(name), { name, mode: 'max' });
  t.same(parseCacheExport(`${name},mode=min`), { name, mode: 'min' });
  t.same(parseCacheExport(`type=registry,ref=${name},mode=max`), { name, mode: 'max' });
  for (const text of ['', 'type=registry', 'type=gha', `${name},mode=some`, `${name},x=y`])
    t.throws(() => parseCacheExport(text), { code: 'USAGE_INVALID' }, text);
  t.throws(() => parseCacheImport(`${name},mode=min`), { code: 'USAGE_INVALID' });
  t.end();
});

t.test('X08 what is no cache is a warning, and is not overwritten', async (t) => {
  const directory = await temporary(t);
  const here = await machine(t, directory, 'a');
  await using made = await here.open({ to: [main] });
  await made.keep(stepOf('1'), await makeResult(here, 'one'));
  await made.publish([], signal);
  const index = join(directory, 'cache/index.json');
  const [{ digest }] = JSON.parse(await readFile(index, 'utf8')).manifests;
  const manifest = join(directory, 'cache/blobs', digest.replace(':', '/'));
  await writeFile(manifest, (await readFile(manifest, 'utf8')).replace('s2oci', 'other'));
  await using cache = await here.open({ from: ['oci:cache:main'], to: [main] });
  t.notOk((await cache.find(stepOf('2'), signal)).found);
  await cache.keep(stepOf('2'), await makeResult(here, 'two'));
  await cache.publish([], signal);
  t.match(here.warnings, [/cache oci:cache:main is not used: /, /was not written: /]);
  t.equal(JSON.parse(await readFile(index, 'utf8')).manifests[0].digest, digest);
});

t.test('a cache that is not there yet is no reason for a warning', async (t) => {
  const directory = await temporary(t);
  const here = await machine(t, directory, 'a');
  await using cache = await here.open({ from: ['oci:none:main'] });
  t.notOk((await cache.find(stepOf('1'), signal)).found);
  t.same(here.warnings, []);
});
