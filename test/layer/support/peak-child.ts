/**
 * A process that does one large thing and prints its own peak memory: `node peak-child.ts CASE DIRECTORY`. The
 * blob is there already, so that making it does not count.
 */

import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DigestTap } from '../../../src/blob/index.ts';
import { asBuildError } from '../../../src/errors/index.ts';
import {
  captureLayer,
  type LayerFile,
  unpackLayers,
  writeLayer,
} from '../../../src/layer/index.ts';

const [, , action = '', directory = ''] = process.argv;

const actions: Readonly<Record<string, () => Promise<unknown>>> = {
  /** Unpacks the layer that `layer.json` describes. */
  unpack: () => {
    const layer = JSON.parse(readFileSync(join(directory, 'layer.json'), 'utf8')) as LayerFile;
    const target = join(directory, 'target');
    return unpackLayers({ layers: [layer], target, idMapping: 'single' });
  },
  /** Captures `result` against `target`. */
  capture: async () => {
    const { body } = captureLayer({
      ...{ lower: join(directory, 'target'), result: join(directory, 'result') },
      ...{ exclude: [], epoch: 0n, timestamps: 'clamp', idMapping: 'single' },
    });
    return writeLayer({ body, compression: 'gzip', level: 1 }, async (stream) => {
      const tap = new DigestTap();
      await pipeline(stream, tap, createWriteStream(join(directory, 'blob')));
      return tap.result();
    });
  },
};

let outcome: unknown;
try {
  outcome = await actions[action]?.();
} catch (error) {
  outcome = asBuildError(error).code;
}
const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
process.stdout.write(`${JSON.stringify({ megabytes: Number(peak) / 1024, outcome })}\n`);
