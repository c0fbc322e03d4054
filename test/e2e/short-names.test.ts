/** Short names and registries.conf as a user meets them, with two registries of his own. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { silentReporter } from '../../src/events/index.ts';
import { startRegistry } from '../../src/server/index.ts';
import { reply } from '../support/fault-actions.ts';
import { startFaultServer } from '../support/fault-server.ts';
import { builderImage } from '../support/images.ts';
import { openWorkbench, succeed } from './support.ts';

t.setTimeout(300_000);

t.test(
  'item 69: short names are looked for where registries.conf says, when images are read',
  async (t) => {
    await using bench = await openWorkbench();
    const [first, second] = ['first', 'second'].map((name) => join(bench.directory, name));
    await using empty = await startRegistry({ directory: first ?? '', reporter: silentReporter });
    await using full = await startRegistry({ directory: second ?? '', reporter: silentReporter });
    const { reference: layout } = await builderImage('busybox');
    succeed(t, await bench.s2oci(['push', layout, `${full.host}/team/busy:1`]));

    const file = join(bench.directory, 'registries.conf');
    const env = { CONTAINERS_REGISTRIES_CONF: file };
    const inspect = async (name: string, text: string) => {
      await writeFile(file, text, { mode: 0o644 });
      return bench.s2oci(['inspect', name], { env });
    };
    const search = (...hosts: readonly string[]) =>
      `unqualified-search-registries = ${JSON.stringify(hosts)}\n`;

    const one = await inspect('team/busy:1', search(full.host));
    t.match(one, { code: 0, stdout: new RegExp(`${full.host}/team/busy`) });

    const two = search(empty.host, full.host);
    const unsure = await inspect('team/busy:1', two);
    t.equal(unsure.code, 2);
    t.match(unsure.stderr, `${empty.host}/team/busy:1, ${full.host}/team/busy:1`);
    t.match(unsure.stderr, /alias/);

    const permissive = `${two}short-name-mode = "permissive"\n`;
    t.match(await inspect('team/busy:1', permissive), {
      code: 0,
      stdout: new RegExp(`${full.host}/team/busy`),
    });
    const nowhere = await inspect('team/none:1', permissive);
    t.match(nowhere, { code: 7, stderr: /no registry has the image: asked/ });
    t.match(nowhere.stderr, `${full.host}/team/none:1`);
    const archive = await inspect('oci-archive:busy', permissive);
    t.match(archive.stderr, 'busy', 'the names of other transports are no short names');
    t.notMatch(archive.stderr, full.host);

    await using broken = await startFaultServer({ rules: [{ times: 99, act: reply(418) }] });
    const stopped = await inspect(
      'team/busy:1',
      `${search(broken.host, full.host)}short-name-mode = "permissive"\n`,
    );
    t.equal(stopped.code, 5, 'a registry that fails is not passed over');
    t.match(stopped.stderr, broken.host);

    const moved = `[[registry]]\nprefix = "registry.test/kept:1"\nlocation = "${full.host}/team/busy"\n`;
    t.match(await inspect('registry.test/kept:1', moved), { code: 0 });
    const blocked = `[[registry]]\nprefix = "${full.host}/team/busy:1"\nblocked = true\n`;
    t.match(await inspect(`${full.host}/team/busy:1`, blocked), { code: 15 });
  },
);
