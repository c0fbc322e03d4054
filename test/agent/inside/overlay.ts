/** What the kernel says nothing about when it mounts an overlay, and the scratch of one build after the other. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { mountOverlay } from '../../../src/agent/overlay.ts';
import { Workspaces } from '../../../src/agent/workspace.ts';

const scratch = (t: Test) => {
  const directory = mkdtempSync(join(tmpdir(), 's2oci-overlay-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(join(directory, 'stored/fs'), { recursive: true });
  writeFileSync(join(directory, 'stored/fs/file'), 'of the image');
  return directory;
};

t.test('regression: read-only overlay mount', async (t) => {
  const directory = scratch(t);
  const at = (name: string) => join(directory, name);
  for (const name of ['upper', 'work/work', 'merged']) mkdirSync(at(name), { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', at('work/work')]);
  t.teardown(() => execFileSync('umount', [at('work/work')]));
  const mount = {
    ...{ lower: at('stored/fs'), upper: at('upper') },
    ...{ work: at('work'), target: at('merged') },
  };
  await t.rejects(mountOverlay(mount), { code: 'RUNTIME_FAILED', message: /cannot be written to/ });
  t.notMatch(readFileSync('/proc/self/mountinfo', 'utf8'), at('merged'), 'and is not left mounted');
});

t.test('regression: volatile workdir reuse', async (t) => {
  const directory = scratch(t);
  const workspaces = new Workspaces(async () => {});
  const request = { workspace: directory, rootfsKey: '', storage: 'overlay' } as const;
  for (const round of [1, 2]) {
    const lower = join(directory, 'stored');
    const { root } = await workspaces.open(request, lower, new AbortController().signal);
    t.equal(readFileSync(join(root, 'file'), 'utf8'), 'of the image', `round ${round}`);
    writeFileSync(join(root, 'file'), 'changed');
    t.ok(existsSync(join(directory, 'work/work/incompat/volatile')), 'the kernel left its mark');
    await workspaces.close(directory);
    t.notOk(existsSync(join(directory, 'work')), 'and it went with the work directory');
  }
});
