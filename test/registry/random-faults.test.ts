/**
 * Item 72: two hundred pushes and pulls through a proxy that spoils five of a hundred requests, on the real
 * registry. Every one has to succeed, with the right content.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { copyImage, Registry, registryImage } from '../../src/image/index.ts';
import { type Descriptor, parseReference } from '../../src/model/index.ts';
import { defaultRegistrySettings, type Repository } from '../../src/registry/index.ts';
import { makeCertificate } from '../support/certificate.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { cutRequest, early, forward, hang, reply } from '../support/fault-actions.ts';
import { type Action, type SeenRequest, startFaultServer } from '../support/fault-server.ts';
import { imageOf, layerOf, pushImage, quickSettings, readAll, testClient } from './support.ts';

const runs = 200;
const share = 0.05;

/** A small generator of random numbers that can be repeated (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Faults that fit a request, each with its name. */
function faultsFor(
  seen: SeenRequest,
  random: () => number,
): readonly (readonly [string, Action])[] {
  const at = 1 + Math.floor(random() * 60_000);
  const common: readonly (readonly [string, Action])[] = [
    ...[408, 429, 500, 502, 503, 504].map((status) => [`${status}`, early(status)] as const),
    ['429 with wait', reply(429, { headers: { 'retry-after': '0' } })],
    ['reset', cutRequest(0, 'rst')],
    ['closed', cutRequest(0, 'fin')],
    ['answer lost', forward({ loseAnswer: true })],
    ['silence', hang()],
  ];
  if (seen.method === 'GET') {
    return [
      ...common,
      ['answer cut', forward({ cutAnswerAt: at })],
      ['answer stalled', forward({ stallAt: at })],
      ['bit flipped', forward({ flipAt: at % 300 })],
      ['range ignored', forward({ withoutHeaders: ['range'] })],
    ];
  }
  const hasBody = seen.method === 'PUT' || seen.method === 'PATCH';
  return hasBody ? [...common, ['request cut', forward({ cutRequestAt: at })]] : common;
}

async function oneRun(registry: DockerRegistry, seed: number): Promise<string[]> {
  const random = generator(seed);
  const injected: string[] = [];
  await using server = await startFaultServer({
    upstream: registry.url,
    rules: [
      {
        times: Number.POSITIVE_INFINITY,
        act: (exchange) => {
          if (random() >= share) return forward()(exchange);
          const faults = faultsFor(exchange.seen, random);
          const [name, act] = faults[Math.floor(random() * faults.length)] ?? ['none', forward()];
          injected.push(`${exchange.seen.kind} ${name}`);
          return act(exchange);
        },
      },
    ],
  });
  const { client } = testClient({
    random,
    settings: {
      retry: { ...defaultRegistrySettings.retry, baseMs: 2, maxMs: 20 },
      timeouts: {
        ...(quickSettings.timeouts as typeof defaultRegistrySettings.timeouts),
        responseMs: 1000,
        commitMs: 1000,
        stall: { idleMs: 800, windowMs: 5000, minBytesPerSecond: 1 },
      },
    },
  });
  try {
    const sizes = [10, 5000, 60_000, 150_000];
    const image = imageOf(sizes.map((size, i) => layerOf(size, `run ${seed} layer ${i}`)));
    const place = { registry: server.host, repository: `run-${seed}/base` };
    await pushImage(client, place, image, 'v1');
    const source = registryImage(client, parseReference(`${server.host}/run-${seed}/base:v1`));
    const target = registryImage(client, parseReference(`${server.host}/run-${seed}/app:v1`));
    await copyImage(source, target, { platform: 'all' });
    const repository = client.repository({ ...place, repository: `run-${seed}/app` });
    const found = await repository.resolve('v1');
    const manifest = Buffer.from(await repository.fetchManifest(found));
    if (!manifest.equals(Buffer.from(image.manifest.raw))) throw new Error('another manifest');
    for (const { descriptor, bytes } of image.blobs) {
      if (!(await readTwice(repository, descriptor)).equals(bytes)) throw new Error('other bytes');
    }
    return injected;
  } catch (error) {
    throw new Error(`seed ${seed}: ${injected.join(', ')}`, { cause: error });
  } finally {
    await client.close();
  }
}

/** Reads a blob; content that proves damaged at its end is asked for once more, as the store does. */
async function readTwice(repository: Repository, descriptor: Descriptor): Promise<Buffer> {
  try {
    return await readAll(await repository.openBlob(descriptor));
  } catch (error) {
    if ((error as { code?: string }).code !== 'DIGEST_MISMATCH') throw error;
    return readAll(await repository.openBlob(descriptor));
  }
}

t.setTimeout(280_000);

t.test(`item 72: ${runs} runs with ${share * 100} % faults`, { timeout: 270_000 }, async (t) => {
  await using registry = await startDockerRegistry();
  const first = Math.floor(Math.random() * 1_000_000);
  t.comment(`seeds ${first} to ${first + runs - 1}`);
  const counts = new Map<string, number>();
  const failures: unknown[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < runs) {
      const seed = first + next++;
      try {
        for (const name of await oneRun(registry, seed))
          counts.set(name, (counts.get(name) ?? 0) + 1);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all([worker(), worker(), worker()]);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  t.comment(`${total} faults of ${counts.size} kinds: ${[...counts.keys()].toSorted().join(', ')}`);
  t.same(failures, []);
  t.ok(total > runs, 'faults were injected');
});

t.test(
  'item 72: large blobs at once, cut at any place, in memory that threads share',
  async (t) => {
    const size = 20_000_000;
    const image = imageOf(Array.from({ length: 5 }, (_, i) => layerOf(size, `large ${i}`)));
    const seed = Math.floor(Math.random() * 1_000_000);
    t.comment(`seed ${seed}`);
    const random = generator(seed);
    const directory = t.testdir();
    const tls = await makeCertificate(directory, 'server');
    await using upstream = await startDockerRegistry();
    const pushing = testClient();
    await pushImage(pushing.client, { registry: upstream.host, repository: 'large' }, image, 'v1');
    await pushing.client.close();
    for (const [way, options] of Object.entries({ plain: {}, tls: { tls } })) {
      let cuts = 0;
      await using server = await startFaultServer({
        ...options,
        upstream: upstream.url,
        rules: [
          {
            kind: 'blob-get',
            times: Number.POSITIVE_INFINITY,
            act: (exchange) => {
              if (random() < 0.3) return forward()(exchange);
              cuts += 1;
              return forward({ cutAnswerAt: Math.floor(random() * size) })(exchange);
            },
          },
        ],
      });
      const settings = { ...quickSettings, caFiles: [tls.caFile] };
      await using registry = new Registry({ settings });
      for (let round = 0; round < 3; round += 1) {
        const layout = join(directory, `${way}-${round}`);
        await registry.copy(`${server.host}/large:v1`, `oci:${layout}:1`);
        for (const { descriptor, bytes } of image.blobs) {
          const path = join(layout, 'blobs', descriptor.digest.replace(':', '/'));
          t.ok((await readFile(path)).equals(bytes), `${way} ${round} ${descriptor.digest}`);
        }
      }
      t.ok(cuts > 5, `${cuts} cuts`);
    }
  },
);
