/**
 * Captures what lies in the upper directory of an overlay as a layer of a store, as the agent does: `node capture.ts
 * DIRECTORY gzip|zstd|none`. The directory holds `lower/`, `upper/` and `work/`; the compiled code does the work; run
 * it as the root of a user namespace with mounts of its own.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Compression } from '../../src/model/index.ts';

const [, , directory = '', compression = 'gzip'] = process.argv;
const compiled = (name: string) => new URL(`../../dist/${name}/index.js`, import.meta.url).href;
const { captureLayer, writeLayer } = (await import(
  compiled('layer')
)) as typeof import('../../src/layer/index.ts');
const { openStore } = (await import(
  compiled('store')
)) as typeof import('../../src/store/index.ts');

const [lower = '', upper = '', work = '', result = ''] = ['lower', 'upper', 'work', 'merged'].map(
  (name) => join(directory, name),
);
mkdirSync(result, { recursive: true });
const options = `lowerdir=${lower}/fs,upperdir=${upper},workdir=${work},userxattr,volatile`;
const mounted = spawnSync('mount', ['-t', 'overlay', 'overlay', '-o', options, result]);
if (mounted.status !== 0) throw new Error(`mount: ${mounted.stderr}`);
await using store = await openStore(join(directory, 'home'));
const { body } = captureLayer({
  ...{ lower, upper, result, exclude: [], epoch: 1_700_000_000_000_000_000n },
  ...{ timestamps: 'clamp', idMapping: 'full' },
});
await writeLayer({ body, compression: compression as Compression }, (stream) =>
  store.ingest(stream, {}),
);
