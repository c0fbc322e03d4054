/**
 * Hostile builder images through the whole program, as an unprivileged user: the rows of security.md 2.1 and 2.2, each
 * held against the common oracle. What a row means in detail is tested where the code is; coverage.test.ts tells where.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openWorkbench, succeed } from '../e2e/support.ts';
import { run } from '../support/as-user.ts';
import { builderImage } from '../support/images.ts';
import { documentCases } from './document-cases.ts';
import { makeHostile } from './hostile-image.ts';
import { layerCases } from './layer-cases.ts';
import { Oracle } from './oracle.ts';

t.setTimeout(900_000);
/** Cases of layers that are tried once more in another transport. */
const archived = 5;
const { directory: original } = await builderImage('busybox');
const bench = await openWorkbench();
const oracle = new Oracle(bench);
const source = join(bench.directory, 'source');
mkdirSync(source);
writeFileSync(join(source, 'hello.txt'), 'hello\n');

await t.test('an honest build succeeds', (t) =>
  oracle.judge(t, source, `oci:${original}:latest`, { exitCode: 0 }),
);

for (const [i, each] of [...layerCases, ...documentCases].entries())
  await t.test(`${each.row} ${each.title}`, async (t) => {
    const directory = join(bench.directory, `builder-${i}`);
    const builder = makeHostile(original, directory, each.image(oracle.sentinel));
    await oracle.judge(t, source, builder, each);
  });

for (const [i, each] of layerCases.slice(0, archived).entries())
  await t.test(`T24 CVE-2025-11395 in a Docker archive: ${each.title}`, async (t) => {
    const layout = makeHostile(
      original,
      join(bench.directory, `t24-${i}`),
      each.image(oracle.sentinel),
    );
    const archive = join(bench.directory, `t24-${i}.tar`);
    const copied = await run('skopeo', ['copy', '-q', layout, `docker-archive:${archive}:x:1`]);
    succeed(t, copied);
    await oracle.judge(t, source, `docker-archive:${archive}`, each);
  });

await t.test(
  'I3 and I6: the store is in order after all of it, and an honest build succeeds',
  async (t) => {
    const verified = await bench.s2oci(['store', 'verify']);
    succeed(t, verified);
    await oracle.judge(t, source, `oci:${original}:latest`, { exitCode: 0 });
  },
);

t.teardown(() => bench[Symbol.asyncDispose]());
