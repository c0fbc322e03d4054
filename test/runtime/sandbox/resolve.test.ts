/** X03, CVE-2024-45310: paths of the image are followed inside it and nowhere else. */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { resolveInRootfs } from '../../../src/runtime/sandbox/resolve.ts';

const rootfs = mkdtempSync(join(tmpdir(), 's2oci-resolve-'));
t.teardown(() => rmSync(rootfs, { recursive: true }));

mkdirSync(join(rootfs, 'a/b'), { recursive: true });
mkdirSync(join(rootfs, 'etc'));
writeFileSync(join(rootfs, 'etc/passwd'), 'inside');
const links: Readonly<Record<string, string>> = {
  absolute: '/etc/passwd',
  escape: '../../../../../../etc/passwd',
  'a/b/up': '../../etc',
  root: '/',
  'a/dots': '..',
  chain1: 'chain2',
  chain2: '/a/b/up/passwd',
  self: 'self',
  loop1: 'loop2',
  loop2: 'loop1',
  dangling: '/missing/x',
  magic: '/proc/self/root/etc/passwd',
};
for (const [name, target] of Object.entries(links)) symlinkSync(target, join(rootfs, name));

const inside = '/etc/passwd';
const cases: readonly (readonly [path: string, expected: string | undefined])[] = [
  ['/etc/passwd', inside],
  ['//etc/./passwd', inside],
  ['/../../etc/passwd', inside],
  ['/absolute', inside],
  ['/escape', inside],
  ['/a/b/up/passwd', inside],
  ['/root/root/etc/passwd', inside],
  ['/a/dots/etc/passwd', inside],
  ['/chain1', inside],
  ['/dangling', undefined],
  ['/missing', undefined],
  ['/magic', undefined],
];

for (const [path, expected] of cases) {
  t.test(`${path} is ${expected}`, async (t) => {
    const resolved = resolveInRootfs(rootfs, path);
    t.equal(resolved?.path, expected);
    if (expected !== undefined) t.equal(resolved?.hostPath, join(rootfs, expected));
  });
}

t.test('loops of symlinks are unsafe', async (t) => {
  for (const path of ['/self', '/loop1/x']) {
    t.throws(() => resolveInRootfs(rootfs, path), { code: 'PATH_UNSAFE' });
  }
});
