/** Resolving container paths in a root directory: as a chroot would, and never outside. */

import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { resolveInRoot } from '../../src/layer/index.ts';

function scratch(t: Test): string {
  const top = fs.mkdtempSync(join(tmpdir(), 's2oci-resolve-'));
  t.teardown(() => fs.rmSync(top, { recursive: true }));
  fs.mkdirSync(`${top}/root/usr/bin`, { recursive: true });
  fs.mkdirSync(`${top}/outside`);
  fs.writeFileSync(`${top}/root/usr/bin/sh`, 'shell');
  return top;
}

t.test('plain paths, existing or not', async (t) => {
  const root = `${scratch(t)}/root`;
  for (const [path, expected] of [
    ['/usr/bin/sh', '/usr/bin/sh'],
    ['usr//./bin/', '/usr/bin'],
    ['/', ''],
    ['', ''],
    ['/../../usr', '/usr'],
    ['/missing/deep/x', '/missing/deep/x'],
    ['/missing/../usr', '/usr'],
  ] as const)
    t.same(resolveInRoot(root, path), { path: root + expected, created: [] }, path);
  t.equal(resolveInRoot(`${root}//`, '/usr').path, `${root}/usr`);
  t.equal(resolveInRoot('/', '/').path, '/');
  t.equal(resolveInRoot('/', '/etc').path, '/etc');
});

t.test('T03 symlinks of every kind lead where they lead inside', async (t) => {
  const top = scratch(t);
  const root = `${top}/root`;
  const links: Record<string, string> = {
    bin: 'usr/bin',
    absolute: '/usr/bin',
    upwards: '../../../../../usr',
    outside: `${top}/outside`,
    chain: 'absolute/../bin/sh',
    dangling: '/nowhere/at/all',
    'usr/up': '..',
  };
  for (const [name, target] of Object.entries(links)) fs.symlinkSync(target, `${root}/${name}`);
  for (const [path, expected] of [
    ['/bin/sh', '/usr/bin/sh'],
    ['/absolute/sh', '/usr/bin/sh'],
    ['/upwards/bin', '/usr/bin'],
    ['/outside/secret', `${top}/outside/secret`],
    ['/outside', `${top}/outside`],
    ['/chain', '/usr/bin/sh'],
    ['/dangling/x', '/nowhere/at/all/x'],
    ['/usr/up/usr/up/bin/sh', '/usr/bin/sh'],
    ['/bin/../../../..', ''],
  ] as const)
    t.equal(resolveInRoot(root, path).path, root + expected, path);
});

t.test('directories are made on request, and reported parents first', async (t) => {
  const top = scratch(t);
  const root = `${top}/root`;
  fs.symlinkSync('/var/run', `${root}/run`);
  const umask = process.umask(0o077);
  t.teardown(() => process.umask(umask));
  const resolved = resolveInRoot(root, '/run/secrets/token', { makeDirectories: true });
  t.same(resolved, {
    path: `${root}/var/run/secrets/token`,
    created: ['/var', '/var/run', '/var/run/secrets', '/var/run/secrets/token'].map(
      (p) => root + p,
    ),
  });
  t.equal(fs.statSync(`${root}/var/run`).mode & 0o777, 0o755);
  t.same(resolveInRoot(root, '/run/secrets', { makeDirectories: true }).created, []);
  fs.symlinkSync(`${top}/outside/new`, `${root}/out`);
  resolveInRoot(root, '/out', { makeDirectories: true });
  t.same(fs.readdirSync(`${top}/outside`), [], 'nothing was made outside');
});

t.test('what cannot be resolved is refused', async (t) => {
  const root = `${scratch(t)}/root`;
  fs.symlinkSync('loop', `${root}/loop`);
  fs.symlinkSync('pong', `${root}/ping`);
  fs.symlinkSync('ping', `${root}/pong`);
  fs.symlinkSync(Buffer.from('/\xff\xfe', 'latin1'), `${root}/bytes`);
  for (const path of ['/loop', '/ping/x', '/usr/bin/sh/x', '/bytes'])
    t.throws(() => resolveInRoot(root, path), { code: 'PATH_UNSAFE' }, path);
  const make = () => resolveInRoot(root, '/usr/bin/sh', { makeDirectories: true });
  t.throws(make, { code: 'PATH_UNSAFE' });
});
