/** Names resolve as fits the network: never by servers that the sandbox cannot reach. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { mountNameResolution, type NameResolution } from '../../src/agent/name-resolution.ts';

async function filesFor(wanted: NameResolution): Promise<Readonly<Record<string, string>>> {
  const directory = await mkdtemp(join(tmpdir(), 's2oci-names-'));
  try {
    const host = await mkdtemp(join(directory, 'etc-'));
    await writeFile(join(host, 'hosts'), '192.0.2.1 known-to-the-host\n');
    await writeFile(join(host, 'resolv.conf'), 'nameserver 127.0.0.53\nsearch example.com\n');
    const mounts = mountNameResolution(directory, wanted, host);
    const texts = mounts.map(async ({ kind, target }) => {
      if (kind !== 'bind') throw new Error(`${target} is no file`);
      return [target, await readFile(join(directory, target.replace('/etc/', '')), 'utf8')];
    });
    return Object.fromEntries(await Promise.all(texts)) as Record<string, string>;
  } finally {
    await rm(directory, { recursive: true });
  }
}

const local = '127.0.0.1\tlocalhost\n::1\tlocalhost\n';

t.test('the network of the host brings its names and servers', async (t) => {
  t.same(await filesFor({ network: 'host', addHosts: ['db:192.0.2.7', 'six:2001:db8::1'] }), {
    '/etc/hosts': `${local}192.0.2.7\tdb\n2001:db8::1\tsix\n192.0.2.1 known-to-the-host\n`,
    '/etc/resolv.conf': 'nameserver 127.0.0.53\nsearch example.com\n',
  });
});

t.test('a network in user space has its own server', async (t) => {
  t.same(await filesFor({ network: 'slirp4netns', addHosts: [] }), {
    '/etc/hosts': local,
    '/etc/resolv.conf': 'nameserver 10.0.2.3\nsearch example.com\n',
  });
  const pasta = await filesFor({ network: 'pasta', addHosts: [] });
  t.equal(pasta['/etc/resolv.conf'], 'nameserver 169.254.1.1\nsearch example.com\n');
});

t.test('without a network only this machine and added hosts have names', async (t) => {
  t.same(await filesFor({ network: 'none', addHosts: [] }), { '/etc/hosts': local });
});
