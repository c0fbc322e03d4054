/** What no runtime should ever be asked for is refused before one sees it. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { RunSpec } from '../../../src/runtime/index.ts';
import { checkSpec } from '../../../src/runtime/sandbox/check.ts';

const rootfs = t.testdir({});
for (const name of ['proc', 'sys', 'dev', 'work']) mkdirSync(join(rootfs, name));

const plain: RunSpec = {
  id: 'a1B2',
  rootfs,
  args: ['true'],
  env: [],
  cwd: '/work',
  user: { uid: 0, gid: 0, additionalGids: [] },
  mounts: [],
  network: 'host',
  hostname: 'h',
  readOnlyRootfs: false,
  capabilities: [],
  fakeRoot: false,
};

t.test('a plain spec passes', async (t) => {
  t.same(checkSpec(plain), plain);
});

for (const id of ['', '../../x', 'a/b', '.', '-x', 'a b', 'a\n', 'é', 'x'.repeat(65)]) {
  t.test(`X05, CVE-2026-33747: ${JSON.stringify(id)} is no id`, async (t) => {
    t.throws(() => checkSpec({ ...plain, id }), { code: 'RUNTIME_FAILED' });
  });
}

for (const uid of [-1, 1.5, 2 ** 31 - 1, 2 ** 32, Number.NaN]) {
  t.test(`M10, CVE-2024-40635: ${uid} is no user`, async (t) => {
    const user = { ...plain.user, uid };
    t.throws(() => checkSpec({ ...plain, user }), { code: 'RUNTIME_FAILED' });
  });
}

t.test('M12, CVE-2024-21626: the working directory exists in the root filesystem', async (t) => {
  for (const cwd of ['', 'work', '/missing', '/proc/self/fd/7', '../../..'])
    t.throws(() => checkSpec({ ...plain, cwd }), { code: 'RUNTIME_FAILED' }, cwd);
});
