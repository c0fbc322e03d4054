import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { placeStandIns } from '../../../src/runtime/sandbox/stand-ins.ts';

function place(t: { teardown(action: () => void): void }) {
  const base = mkdtempSync(join(tmpdir(), 's2oci-stand-ins-'));
  t.teardown(() => rmSync(base, { recursive: true }));
  for (const name of ['fs/etc', 'fs/run', 'keep']) mkdirSync(join(base, name), { recursive: true });
  writeFileSync(join(base, 'source'), 'host');
  writeFileSync(join(base, 'fs/etc/hosts'), 'image');
  chmodSync(join(base, 'fs/etc/hosts'), 0o640);
  utimesSync(join(base, 'fs/etc/hosts'), 1000, 1000);
  return { base, rootfs: join(base, 'fs'), keep: join(base, 'keep') };
}

t.test('files stand in for read-only mounts and go without a trace', async (t) => {
  for (const meddle of ['nothing', 'write', 'remove', 'symlink', 'directory'] as const) {
    const { base, rootfs, keep } = place(t);
    const hosts = join(rootfs, 'etc/hosts');
    const placed = placeStandIns(
      rootfs,
      [{ kind: 'bind', source: join(base, 'source'), target: '/etc/hosts', readOnly: true }],
      keep,
    );
    if (typeof placed === 'string') throw new Error(placed);
    t.equal(readFileSync(hosts, 'utf8'), 'host');
    if (meddle !== 'nothing') rmSync(hosts);
    if (meddle === 'write') writeFileSync(hosts, 'evil');
    if (meddle === 'symlink') symlinkSync(join(base, 'source'), hosts);
    if (meddle === 'directory') mkdirSync(join(hosts, 'x'), { recursive: true });
    placed[Symbol.dispose]();
    t.equal(readFileSync(hosts, 'utf8'), 'image', meddle);
    t.equal(statSync(hosts).mode & 0o7777, 0o640);
    t.equal(statSync(hosts).mtimeMs, 1000 * 1000);
    t.equal(readFileSync(join(base, 'source'), 'utf8'), 'host', 'the source is untouched');
    t.same(readdirSync(join(rootfs, 'etc')), ['hosts']);
  }
});

t.test('a tmpfs is an emptied directory', async (t) => {
  const { rootfs, keep } = place(t);
  const placed = placeStandIns(rootfs, [{ kind: 'tmpfs', target: '/run' }], keep);
  if (typeof placed === 'string') throw new Error(placed);
  writeFileSync(join(rootfs, 'run/secret'), 'x');
  placed[Symbol.dispose]();
  t.same(readdirSync(join(rootfs, 'run')), []);
});

t.test('what cannot be stood in for is refused before anything changes', async (t) => {
  const { base, rootfs, keep } = place(t);
  const file = {
    kind: 'bind',
    source: join(base, 'source'),
    target: '/etc/hosts',
    readOnly: true,
  } as const;
  for (const odd of [
    { ...file, readOnly: false, target: '/run' },
    { ...file, source: base, target: '/run' },
  ]) {
    t.match(placeStandIns(rootfs, [file, odd], keep), /\/run cannot be mounted/);
    t.equal(readFileSync(join(rootfs, 'etc/hosts'), 'utf8'), 'image');
  }
});
