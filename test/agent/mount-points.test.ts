/** Mount points that are made for a run go with it, and nothing else does. */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import '../support/faults/preload.ts';
import { prepareMountPoints } from '../../src/agent/mount-points.ts';
import { arm, disarm } from '../support/faults/state.ts';

t.test('regression: stub mountpoints', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 's2oci-mount-points-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'etc'));
  writeFileSync(join(root, 'etc/hosts'), '');
  {
    using _points = prepareMountPoints(root, [
      { target: '/run/secrets/token', kind: 'file' },
      { target: '/run/used/written', kind: 'file' },
      { target: '/etc/hosts', kind: 'file' },
      { target: '/cache/deep', kind: 'directory' },
    ]);
    for (const made of ['run/secrets/token', 'cache/deep', 'proc', 'sys', 'dev'])
      t.ok(existsSync(join(root, made)), made);
    writeFileSync(join(root, 'run/used/written'), 'by the script, after the run unmounted it');
  }
  t.same(readdirSync(root, { recursive: true }).toSorted(), [
    ...['etc', 'etc/hosts', 'run', 'run/used', 'run/used/written'],
  ]);
});

t.test(
  'L05 a mount point that cannot be removed fails the run instead of staying in the image',
  (t) => {
    const root = mkdtempSync(join(tmpdir(), 's2oci-mount-points-'));
    t.teardown(() => rmSync(root, { recursive: true }));
    const points = prepareMountPoints(root, [{ target: '/secret', kind: 'file' }]);
    arm({ n: 1, fault: 'EIO' });
    t.throws(() => points[Symbol.dispose](), { code: 'EIO' });
    disarm();
    t.end();
  },
);
