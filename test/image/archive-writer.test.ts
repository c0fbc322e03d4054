/** Members of image archives that are larger than octal digits can say. */

import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { memberHeader } from '../../src/image/archive-writer.ts';
import { TarReader } from '../../src/tar/index.ts';
import { run } from '../support/as-user.ts';

for (const size of [0, 8 ** 11 - 1, 8 ** 11, 8 ** 11 + 513, 2 ** 45])
  t.test(`a file of ${size} bytes has one block, which every reader understands`, async (t) => {
    const header = memberHeader('layer.tar', size);
    t.equal(header.length, 512);
    const sizes: number[] = [];
    const limits = { contentBytes: 2 ** 50 };
    new TarReader({ entry: (entry) => sizes.push(entry.size), data: () => {} }, { limits }).write(
      header,
    );
    t.same(sizes, [size], 'ours');
    if (size > 2 ** 40) return;
    // A file of holes: nothing of that size is on the disk.
    const path = join(t.testdir(), 'archive.tar');
    const file = openSync(path, 'w');
    writeSync(file, header);
    ftruncateSync(file, 512 + Math.ceil(size / 512) * 512 + 1024);
    closeSync(file);
    const { stdout } = await run('tar', ['-tvf', path]);
    t.match(stdout, new RegExp(` ${size} .* layer.tar\n$`), 'GNU tar');
    const program = 'import sys,tarfile; print([m.size for m in tarfile.open(sys.argv[1])])';
    t.equal((await run('python3', ['-c', program, path])).stdout, `[${size}]\n`, 'Python');
  });
