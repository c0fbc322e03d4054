/** The public calls with their threads: verification, failure, abortion, progress, memory, whole round trips. */

import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { zstdCompressSync } from 'node:zlib';
import t from 'tap';
import { base256, member } from '../../../spec-fixtures/tar/builder.ts';
import { digestStream } from '../../../src/blob/index.ts';
import { BuildError } from '../../../src/errors/index.ts';
import { captureLayer, unpackLayers, writeLayer } from '../../../src/layer/index.ts';
import { digestOf, parseDigest } from '../../../src/model/index.ts';
import { dir, file, layer } from '../support/archive.ts';
import { epoch, namesOf } from '../support/captured.ts';
import { Overlay, run } from '../support/overlay.ts';
import { mapping, Scene } from '../support/scene.ts';
import { snapshot } from '../support/snapshot.ts';

const wrongDigest = parseDigest(`sha256:${'0'.repeat(64)}`);
const many = layer(
  ...Array.from({ length: 300 }, (_, i) => file(`f${i}`, randomBytes(10_000).toString('latin1'))),
);

t.test('several layers of all compressions, sha512 included', async (t) => {
  await using scene = new Scene();
  const bytes = ['a', 'b', 'c', 'd', 'e'].map((name) => layer(dir(name), file(`${name}/f`, name)));
  const files = scene.files(bytes);
  const zstd = zstdCompressSync(bytes[2] ?? '');
  fs.writeFileSync(scene.path('zstd'), zstd);
  const layers = files.map((each, i) => ({
    ...each,
    ...(i === 2
      ? { path: scene.path('zstd'), compression: 'zstd' as const, size: zstd.length }
      : {}),
    ...(i === 3 ? { diffId: digestOf(bytes[3] ?? '', 'sha512') } : {}),
  }));
  const seen: number[] = [];
  const result = await unpackLayers(
    { layers, target: scene.path('t'), idMapping: mapping },
    { onProgress: (count) => seen.push(count) },
  );
  t.same(result, { entries: 10, bytes: 5, warnings: [] });
  t.same(fs.readdirSync(scene.path('t')).sort(), ['fs', 'index.jsonl']);
  t.equal(
    seen.at(-1),
    layers.reduce((sum, each) => sum + each.size, 0),
  );
  t.same(
    seen,
    seen.toSorted((a, b) => a - b),
  );
});

t.test('no layers at all, or none above a base', async (t) => {
  await using scene = new Scene();
  t.same(await unpackLayers({ layers: [], target: scene.path('t'), idMapping: mapping }), {
    ...{ entries: 0, bytes: 0, warnings: [] },
  });
  await scene.unpack('base', [many]);
  const target = await scene.unpack('clone', [], { base: 'base' });
  t.same(snapshot(`${target}/fs`), snapshot(scene.path('base', 'fs')));
});

t.test('M06 what is not what the image says is refused, and nothing is left', async (t) => {
  await using scene = new Scene();
  const [good] = scene.files([many]);
  const [other] = scene.files([layer(file('x'))]);
  if (good === undefined || other === undefined) throw new Error('no layers');
  const cut = scene.path('cut');
  fs.writeFileSync(cut, fs.readFileSync(good.path).subarray(0, good.size - 100));
  const long = scene.path('long');
  fs.writeFileSync(long, Buffer.concat([fs.readFileSync(good.path), Buffer.alloc(10)]));
  const cases = {
    DIFF_ID_MISMATCH: [
      { ...good, diffId: wrongDigest },
      { ...good, diffId: other.diffId },
    ],
    SIZE_MISMATCH: [
      { ...good, size: good.size + 1 },
      { ...good, size: good.size - 1 },
    ],
    COMPRESSION_INVALID: [
      { ...good, path: cut, size: good.size - 100 },
      { ...good, path: long, size: good.size + 10 },
      { ...good, compression: 'zstd' as const },
    ],
    // The parser may see it first.
    'DIFF_ID_MISMATCH TAR_INVALID': [{ ...good, compression: 'none' as const }],
    IO_FAILED: [{ ...good, path: scene.path('missing') }],
  };
  for (const [codes, layers] of Object.entries(cases))
    for (const each of layers)
      for (const stack of [[each], [other, each], [each, other]]) {
        const target = scene.path('t');
        const made = unpackLayers({ layers: stack, target, idMapping: mapping });
        const error: unknown = await made.catch((thrown: unknown) => thrown);
        t.ok(error instanceof BuildError && codes.split(' ').includes(error.code), codes);
        t.same(fs.readdirSync(target), []);
      }
});

t.test('a target that is in use is left alone', async (t) => {
  await using scene = new Scene();
  const target = await scene.unpack('t', [many]);
  const before = snapshot(target);
  await t.rejects(scene.unpack('t', [many]));
  t.same(snapshot(target), before);
});

t.test('an aborted unpacking ends at once and leaves nothing', async (t) => {
  await using scene = new Scene();
  const big = layer(...Array.from({ length: 60 }, (_, i) => file(`f${i}`, '\0'.repeat(2 ** 20))));
  for (const delay of [0, 5, 20, 60, 150]) {
    const controller = new AbortController();
    const made = scene.unpack('t', [big, big, big], { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), delay);
    await t.rejects(made, { message: 'enough' }, `after ${delay} ms`);
    t.same(fs.readdirSync(scene.path('t')), []);
  }
  const aborted = AbortSignal.abort(new Error('before'));
  await t.rejects(scene.unpack('never', [big], { signal: aborted }), { message: 'before' });
  t.notOk(fs.existsSync(scene.path('never')));
});

t.test('T12 a bomb ends without a trace, in bounded memory', async (t) => {
  await using scene = new Scene();
  const bomb = scene.path('bomb');
  // 40 GiB of zeros in one file that is never on disk as a whole: a hundred frames of the same.
  const frame = zstdCompressSync(Buffer.alloc(2 ** 28));
  const head = zstdCompressSync(member({ name: 'zeros', size: base256(40n * 2n ** 30n, 12) }));
  fs.writeFileSync(bomb, Buffer.concat([head, ...Array.from({ length: 160 }, () => frame)]));
  const size = fs.statSync(bomb).size;
  const layers = [{ path: bomb, compression: 'zstd' as const, diffId: wrongDigest, size }];
  const made = unpackLayers({ layers, target: scene.path('t'), idMapping: mapping });
  await t.rejects(made, { code: 'LIMIT_EXCEEDED' });
  t.same(fs.readdirSync(scene.path('t')), []);
});

t.test('a full disk is a typed error', async (t) => {
  await using scene = new Scene();
  fs.mkdirSync(scene.path('small'));
  run('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', scene.path('small'));
  try {
    const target = scene.path('small', 't');
    const made = unpackLayers({ layers: scene.files([many]), target, idMapping: mapping });
    await t.rejects(made, { code: 'NO_SPACE' });
    t.same(fs.readdirSync(target), []);
  } finally {
    run('umount', scene.path('small'));
  }
});

function request(lower: string, result: string, upper?: string) {
  return {
    ...{ lower, result, exclude: [], epoch, timestamps: 'clamp' as const, idMapping: mapping },
    ...(upper === undefined ? {} : { upper }),
  };
}

t.test('a change is captured, compressed, stored and applied again', async (t) => {
  await using scene = new Scene();
  const lower = await scene.unpack('lower', [many]);
  using overlay = new Overlay(`${lower}/fs`, scene.path('overlay'));
  fs.rmSync(`${overlay.merged}/f7`);
  fs.writeFileSync(`${overlay.merged}/new`, randomBytes(5_000_000));
  const { upper, merged } = overlay;
  for (const compression of ['gzip', 'zstd', 'none'] as const) {
    const captured = captureLayer(request(lower, merged, upper));
    const path = scene.path(`layer.${compression}`);
    const written = await writeLayer({ body: captured.body, compression }, async (stream) => {
      fs.writeFileSync(path, await buffer(stream));
      return digestStream(fs.createReadStream(path));
    });
    const stats = captured.stats();
    t.match(stats, { entries: 1, whiteouts: 1, warnings: [] });
    t.equal(stats.bytes, written.uncompressedSize);
    t.equal(written.size, fs.statSync(path).size);
    const layers = [{ path, compression, diffId: written.diffId, size: written.size }];
    const target = scene.path(`again.${compression}`);
    await unpackLayers({ layers, target, base: lower, idMapping: mapping });
    t.same(fs.readFileSync(`${target}/fs/new`).equals(fs.readFileSync(`${merged}/new`)), true);
    t.notOk(fs.existsSync(`${target}/fs/f7`));
  }
});

t.test('a capture that fails or is left ends its thread and its readers', async (t) => {
  await using scene = new Scene();
  const lower = await scene.unpack('lower', [many]);
  const result = scene.path('copy');
  run('cp', '-a', '--', `${lower}/fs`, result);
  fs.writeFileSync(`${result}/big`, randomBytes(20 * 2 ** 20));
  const gone = captureLayer(request(scene.path('nowhere'), result));
  await t.rejects(buffer(gone.body), { code: 'IO_FAILED' });
  const left = captureLayer(request(lower, result));
  for await (const chunk of left.body) if (chunk.length > 0) break;
  t.ok(left.body.destroyed);
  const controller = new AbortController();
  const aborted = captureLayer(request(lower, result), { signal: controller.signal });
  const reading = buffer(aborted.body);
  setTimeout(() => controller.abort(new Error('enough')), 10);
  await t.rejects(reading, { message: 'enough' });
  const before = captureLayer(request(lower, result), { signal: controller.signal });
  await t.rejects(buffer(before.body), { message: 'enough' });
  fs.writeFileSync(`${result}/.wh.x`, '');
  const refused = captureLayer(request(lower, result));
  const stored = writeLayer({ body: refused.body, compression: 'gzip' }, digestStream);
  await t.rejects(stored, { code: 'LAYER_INVALID' });
});

t.test('writeLayer passes on what ingesting says', async (t) => {
  const body = Readable.from([layer(file('x', 'x'))]);
  const failed = writeLayer({ body, compression: 'gzip' }, () => Promise.reject(new Error('no')));
  await t.rejects(failed, { message: 'no' });
  t.ok(body.destroyed);
});

t.test('umask, time zone and locale leave no trace in a layer', async (t) => {
  await using scene = new Scene();
  const lower = await scene.unpack('lower', [layer(dir('d'), file('d/x', 'x'))]);
  const digests = new Set<string>();
  const before = { umask: process.umask(), zone: process.env['TZ'], locale: process.env['LC_ALL'] };
  for (const [umask, zone, locale] of [
    [0o022, 'UTC', 'C'],
    [0o077, 'Asia/Kolkata', 'de_DE.UTF-8'],
    [0o777, 'America/St_Johns', 'C.UTF-8'],
  ] as const) {
    process.umask(umask);
    Object.assign(process.env, { TZ: zone, LC_ALL: locale });
    const result = scene.path(`copy${umask}`);
    run('cp', '-a', '--', `${lower}/fs`, result);
    for (const name of ['z', 'a', 'caf\u00e9', 'B', '_']) {
      fs.writeFileSync(`${result}/${name}`, name);
      fs.chmodSync(`${result}/${name}`, 0o644);
    }
    const bytes = await buffer(captureLayer(request(lower, result)).body);
    digests.add(digestOf(bytes));
    t.same(namesOf(bytes), ['B', '_', 'a', 'caf\xc3\xa9', 'z']);
  }
  process.umask(before.umask);
  Object.assign(process.env, { TZ: before.zone ?? '', LC_ALL: before.locale ?? '' });
  t.equal(digests.size, 1);
});
