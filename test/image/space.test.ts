/** L03: a temporary directory that is too small for what the library puts there. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { copyImage, openDestination } from '../../src/image/index.ts';
import { openStore } from '../../src/store/index.ts';
import { run } from '../support/as-user.ts';
import { largeImage } from './build-image.ts';

const library = fileURLToPath(new URL('../../src/image/index.ts', import.meta.url));
const copy = `
  import { Registry } from ${JSON.stringify(library)};
  await using registry = new Registry();
  const ended = await registry.copy('oci-archive:in.tar.gz', 'oci:out:1').catch(({ code }) => code);
  console.log(ended.reference ?? ended);
`;

t.test('L03 a compressed archive does not fit into the temporary directory', async (t) => {
  const directory = t.testdir({ small: {} });
  await writeArchive(directory);
  const node = `"${process.execPath}" --no-warnings --input-type=module -e "$COPY"`;
  const steps = [
    'cd "$0"',
    'mount -t tmpfs -o size=64k tmpfs small',
    node,
    'ls small',
    'mount -o remount,size=16m small',
    node,
  ];
  const { stdout, stderr } = await run(
    'unshare',
    ['-Urm', 'sh', '-c', steps.join('\n'), directory],
    {
      env: { TMPDIR: join(directory, 'small'), COPY: copy },
    },
  );
  t.match(stdout, /^NO_SPACE\noci:.*\/out:1@sha256:\w+\n$/, stderr);
});

async function writeArchive(directory: string): Promise<void> {
  await using store = await openStore(join(directory, 'state'));
  const registry = () => {
    throw new Error('no registry here');
  };
  const absolutePath = (path: string) => join(directory, path);
  {
    await using destination = await openDestination('oci-archive:in.tar:1', {
      store,
      registry,
      absolutePath,
    });
    await copyImage(largeImage(), destination, { platform: 'all' });
  }
  await writeFile(
    join(directory, 'in.tar.gz'),
    gzipSync(await readFile(join(directory, 'in.tar'))),
  );
}
