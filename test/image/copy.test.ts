/** Copying: order, digests, what is left out, what happens on failure. */

import t from 'tap';
import { BuildError } from '../../src/errors/index.ts';
import type { BuildEvent } from '../../src/events/index.ts';
import { copyImage } from '../../src/image/index.ts';
import {
  composeIndex,
  composeManifest,
  digestOf,
  parseManifest,
  parsePlatform,
} from '../../src/model/index.ts';
import {
  addImage,
  MemoryImage,
  memoryImage,
  memoryIndex,
  recordingDestination,
} from './build-image.ts';

const amd64 = parsePlatform('linux/amd64');
const arm64 = parsePlatform('linux/arm64');

t.test('blobs go first, the name last, and nothing twice', async (t) => {
  const image = memoryImage({ layers: [{ a: '1' }, { b: '2' }, { a: '1' }] });
  const destination = recordingDestination();
  const report = await copyImage(image, destination, { platform: 'all' });
  t.equal(report.descriptor.digest, image.root?.digest);
  t.equal(destination.log.at(-1), `tag ${image.root?.digest}`);
  t.equal(destination.log.length, 4, 'two different layers, config, manifest');
  t.equal(report.blobs.length, 3);
  t.ok(report.blobs.every(({ outcome }) => outcome === 'uploaded'));
});

t.test('an index goes after its children, unchanged', async (t) => {
  const image = memoryIndex([amd64, arm64]);
  const destination = recordingDestination();
  await copyImage(image, destination, { platform: 'all' });
  const kinds = destination.log.map((line) => line.split(' ')[0]);
  t.equal(kinds.filter((kind) => kind === 'manifest').length, 2);
  t.equal(kinds.filter((kind) => kind === 'tag').length, 1);
  t.equal(destination.log.at(-1), `tag ${image.root?.digest}`);
});

t.test('one platform is one manifest', async (t) => {
  const image = memoryIndex([amd64, arm64]);
  const destination = recordingDestination();
  const { descriptor } = await copyImage(image, destination, { platform: arm64 });
  t.match(descriptor.platform, { architecture: 'arm64' });
  t.same(
    destination.log.filter((line) => !line.startsWith('blob')),
    [`tag ${descriptor.digest}`],
  );
});

t.test('what an index lists besides images is copied as it is', async (t) => {
  const image = new MemoryImage();
  const other = image.add(Buffer.from('?'), 'application/vnd.example');
  const index = composeIndex([other, addImage(image)]);
  image.root = image.add(index.raw, index.mediaType);
  const destination = recordingDestination();
  await copyImage(image, destination, { platform: 'all' });
  t.ok(destination.log.includes(`blob ${other.digest}`));
});

t.test('CVE-2020-15157: foreign layers are neither fetched nor written', async (t) => {
  const image = memoryImage();
  const parsed = parseManifest(await image.readManifest(await image.resolve()), undefined, 'm');
  if (parsed.kind === 'index') throw new Error('no manifest');
  const foreign = {
    mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
    digest: digestOf('foreign'),
    size: 7,
    urls: ['http://169.254.169.254/latest'],
  };
  const manifest = composeManifest({ ...parsed, layers: [...parsed.layers, foreign] }, 'oci');
  image.root = image.add(manifest.raw, manifest.mediaType);
  const destination = recordingDestination();
  await copyImage(image, destination, { platform: 'all' });
  t.notOk(destination.log.some((line) => line.includes(foreign.digest)));
  t.equal(destination.log.at(-1), `tag ${image.root.digest}`);
});

t.test('I1: when a blob fails the name does not move', async (t) => {
  const image = memoryImage();
  const parsed = parseManifest(await image.readManifest(await image.resolve()), undefined, 'm');
  if (parsed.kind === 'manifest') image.contents.delete(parsed.config.digest);
  const destination = recordingDestination();
  await t.rejects(copyImage(image, destination, { platform: 'all' }), { code: 'BLOB_NOT_FOUND' });
  t.ok(destination.log.every((line) => line.startsWith('blob')));
});

t.test('an aborted copy does nothing more', async (t) => {
  const image = memoryImage();
  const destination = recordingDestination();
  const signal = AbortSignal.abort(new BuildError('INTERRUPTED', 'stopped'));
  await t.rejects(copyImage(image, destination, { platform: 'all', signal }), {
    code: 'INTERRUPTED',
  });
  t.same(destination.log, []);
});

t.test('progress and mount hints are handed on', async (t) => {
  const image = memoryImage();
  const events: BuildEvent[] = [];
  const hints: unknown[] = [];
  const destination = {
    ...recordingDestination(),
    mountableFrom: () => 'other/repository',
    put: async (
      ...[descriptor, , options]: Parameters<ReturnType<typeof recordingDestination>['put']>
    ) => {
      hints.push(options?.mountFrom);
      options?.onProgress?.(descriptor.size);
      return 'mounted' as const;
    },
  };
  const report = await copyImage(image, destination, {
    platform: 'all',
    reporter: { emit: (event) => events.push(event) },
    now: () => 42,
    phase: 'fetch',
  });
  t.same(hints, Array(3).fill('other/repository'));
  t.equal(events.length, 3);
  t.match(events[0], { type: 'progress', phase: 'fetch', time: 42, unit: 'bytes' });
  t.ok(report.blobs.every(({ outcome }) => outcome === 'mounted'));
});

t.test('indexes nested too deep are refused', async (t) => {
  const image = memoryImage();
  let entry = await image.resolve();
  for (let depth = 1; depth <= 5; depth += 1) {
    const index = composeIndex([entry]);
    entry = image.add(index.raw, index.mediaType);
  }
  image.root = entry;
  await t.rejects(copyImage(image, recordingDestination(), { platform: 'all' }), {
    code: 'LIMIT_EXCEEDED',
  });
});
