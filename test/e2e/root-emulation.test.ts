/** Under a single id, scripts that insist on being root get along: packages, owners, users. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../support/as-user.ts';
import { builderImage } from '../support/images.ts';
import { leftovers, openWorkbench, succeed } from './support.ts';

t.setTimeout(600_000);

const assemble = `#!/bin/sh
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
# its installation changes owners, and the one of a message bus wants to be another user
apt-get -q install -y --no-install-recommends dbus
useradd -m -u 1234 worker
chown -R worker:worker /home/worker
su nobody -s /bin/sh -c 'echo su works'
install -o www-data -g www-data -d /srv/www
rm -rf /var/lib/apt/lists/*
`;

t.test(
  'apt-get install, chown, su and useradd succeed with either form of the filter',
  async (t) => {
    await using bench = await openWorkbench('without-subuids');
    const { reference } = await builderImage('python');
    const source = join(bench.directory, 'source');
    await mkdir(join(source, '.s2i/bin'), { recursive: true });
    await writeFile(join(source, '.s2i/bin/assemble'), assemble);
    await run('chown', ['-R', `${bench.user.uid}:${bench.user.gid}`, source]);
    const root = ['--assemble-user', '0', '--progress', 'plain'];
    for (const executor of ['runc', 'unshare']) {
      const target = `oci:${join(bench.directory, 'image')}`;
      const options = [...root, '--executor', executor];
      const built = await bench.s2oci(['build', source, reference, target, ...options]);
      succeed(t, built);
      t.match(built.stderr, 'su works', executor);
      t.match(built.stderr, `${executor}, isolation C, root emulated: only one user id exists`);
      t.same(await leftovers(bench.home), []);
    }
  },
);
