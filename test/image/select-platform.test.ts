/** Picking the manifest for a platform out of indexes of all kinds. */

import t from 'tap';
import { selectPlatform } from '../../src/image/index.ts';
import {
  composeIndex,
  type Descriptor,
  mediaTypes,
  type Platform,
  parsePlatform,
} from '../../src/model/index.ts';
import { addImage, MemoryImage, memoryImage, memoryIndex } from './build-image.ts';

const amd64 = parsePlatform('linux/amd64');
const arm64 = parsePlatform('linux/arm64');
const arm7 = parsePlatform('linux/arm/v7');

function addIndex(image: MemoryImage, entries: readonly Descriptor[]): Descriptor {
  const index = composeIndex(entries);
  return image.add(index.raw, index.mediaType);
}

t.test('an image for one platform is taken as it is', async (t) => {
  const image = memoryImage();
  const root = await image.resolve();
  t.equal(await selectPlatform(image, root, arm64), root);
});

t.test('the best entry is picked, whatever the order', async (t) => {
  const platforms = [
    'linux/arm/v6',
    'linux/arm64/v8',
    'linux/amd64/v2',
    'linux/amd64',
    'linux/arm/v7',
  ];
  const image = memoryIndex(platforms.map(rawPlatform));
  const root = await image.resolve();
  const picked = async (text: string) =>
    (await selectPlatform(image, root, parsePlatform(text))).platform;
  t.same(await picked('linux/amd64'), rawPlatform('linux/amd64'));
  t.same(await picked('linux/amd64/v3'), rawPlatform('linux/amd64/v2'));
  t.same(await picked('linux/arm64'), rawPlatform('linux/arm64/v8'));
  t.same(await picked('linux/arm'), rawPlatform('linux/arm/v7'));
  t.same(await picked('linux/arm/v6'), rawPlatform('linux/arm/v6'));
});

t.test('S12 what is not offered is said, with what is', async (t) => {
  const image = memoryIndex([amd64, arm7]);
  await t.rejects(selectPlatform(image, await image.resolve(), parsePlatform('linux/s390x')), {
    code: 'PLATFORM_NOT_FOUND',
    exitCode: 7,
    message: /linux\/s390x: it offers linux\/amd64, linux\/arm\/v7$/,
    suggestion: /--platform linux\/amd64/,
  });
});

t.test('names of platforms are escaped in messages', async (t) => {
  const image = memoryIndex([{ os: 'linux', architecture: '\u001b[2Jevil' }]);
  await t.rejects(selectPlatform(image, await image.resolve(), amd64), {
    message: /\\u\{1b\}\[2jevil/,
  });
});

t.test('attestations of BuildKit are never picked', async (t) => {
  const image = new MemoryImage();
  const unknown = { os: 'unknown', architecture: 'unknown' };
  const entry = { ...addImage(image), platform: unknown };
  image.root = addIndex(image, [entry]);
  await t.rejects(selectPlatform(image, await image.resolve(), unknown), {
    code: 'PLATFORM_NOT_FOUND',
    message: /no image that can be run/,
  });
});

t.test('indexes in indexes are followed, to a depth', async (t) => {
  const image = new MemoryImage();
  let entry: Descriptor = { ...addImage(image), platform: amd64 };
  const wanted = entry.digest;
  for (let depth = 1; depth <= 4; depth += 1) {
    entry = addIndex(image, [entry]);
    t.equal((await selectPlatform(image, entry, amd64)).digest, wanted, `depth ${depth}`);
  }
  const tooDeep = addIndex(image, [entry]);
  await t.rejects(selectPlatform(image, tooDeep, amd64), { code: 'LIMIT_EXCEEDED', exitCode: 3 });
});

t.test('indexes that would multiply are read once, and not too many of them', async (t) => {
  const image = new MemoryImage();
  const leaf = { ...addImage(image), platform: amd64 };
  const repeated = addIndex(image, Array(50).fill(addIndex(image, [leaf])));
  let reads = 0;
  const read = image.readManifest.bind(image);
  image.readManifest = async (descriptor) => {
    reads += 1;
    return read(descriptor);
  };
  await selectPlatform(image, repeated, amd64);
  t.equal(reads, 2);
  const many = Array.from({ length: 200 }, (_, i) =>
    addIndex(image, [{ ...leaf, annotations: { number: String(i) } }]),
  );
  await t.rejects(selectPlatform(image, addIndex(image, many), amd64), { code: 'LIMIT_EXCEEDED' });
});

t.test('entries that tell no platform are asked for their config', async (t) => {
  const image = new MemoryImage();
  const arm = addImage(image, { platform: arm64, layers: [{ a: 'arm' }] });
  const amd = addImage(image, { platform: amd64, layers: [{ a: 'amd' }] });
  const root = addIndex(image, [arm, amd]);
  t.equal((await selectPlatform(image, root, amd64)).digest, amd.digest);
});

t.test('entries of unknown types are passed over', async (t) => {
  const image = new MemoryImage();
  const other = image.add(Buffer.from('?'), 'application/vnd.example');
  const good = { ...addImage(image), platform: amd64 };
  const root = addIndex(image, [{ ...other, platform: amd64 }, good]);
  t.equal((await selectPlatform(image, root, amd64)).digest, good.digest);
});

t.test('CVE-2021-41190: what is listed as an index but is a manifest is refused', async (t) => {
  const image = new MemoryImage();
  const manifest = addImage(image);
  const root = addIndex(image, [{ ...manifest, mediaType: mediaTypes.ociIndex }]);
  await t.rejects(selectPlatform(image, root, amd64), { code: 'MANIFEST_INVALID', exitCode: 3 });
});

/** As a registry lists it, not normalised. */
function rawPlatform(text: string): Platform {
  const [os = '', architecture = '', variant] = text.split('/');
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}
