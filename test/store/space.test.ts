/** L03, L04, L05: real full disks, too few descriptors, and state that may only be read. */

import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { exampleKey, readDownloads, writeBlobs } from './fixtures.ts';
import { runChild } from './processes.ts';

/** Runs the rest of the command with a directory on a small file system that dies with it. */
function smallDisk(directory: string, size: string): readonly string[] {
  const script = `mount -t tmpfs -o size=${size} tmpfs "$0" && "$@"; code=$?; find "$0" -type f -size +0 -path '*ingest*' >&2; exit $code`;
  return ['unshare', '-Urm', 'sh', '-c', script, directory];
}

t.test('L03: a disk that is too small ends with what is needed and what is free', async (t) => {
  const dir = t.testdir({ disk: {} });
  const { list, log } = await writeBlobs(dir, 1, 4_000_000);
  const disk = join(dir, 'disk');
  const { code, stderr } = await runChild([join(disk, 'state'), 'fetch', list, log], {
    prefix: smallDisk(disk, '2m'),
  });
  t.equal(code, 12);
  t.match(
    stderr,
    /^NO_SPACE cannot store a blob: no space left: \d+ more bytes are needed, \d+ are free in /,
  );
  t.notMatch(stderr, /ingest\/\w/, 'the partial file is gone');
});

t.test('L03: the store is usable once there is space', async (t) => {
  const dir = t.testdir({ disk: {} });
  const { list, log, blobs } = await writeBlobs(dir, 2, 1_500_000);
  const disk = join(dir, 'disk');
  const home = join(disk, 'state');
  // The first run fills the disk, the second finds room after what fills it is gone.
  const script = [
    'mount -t tmpfs -o size=4m tmpfs "$0"',
    'head -c 2000000 /dev/zero > "$0/ballast"',
    '"$@"; echo "first $?"',
    'rm "$0/ballast"',
    '"$@"; echo "second $?"',
  ].join('\n');
  const { stdout, stderr } = await runChild([home, 'fetch', list, log], {
    prefix: ['unshare', '-Urm', 'sh', '-c', script, disk],
  });
  t.match(stdout, /first 12\n(.*fetched.*)\nsecond 0/);
  t.match(stderr, /^NO_SPACE /);
  t.ok([...(await readDownloads(log)).values()].every((count) => count <= blobs.length));
});

t.test('L04: with few descriptors it works or says so', async (t) => {
  const dir = t.testdir();
  const { list, log } = await writeBlobs(dir, 40, 1000);
  const { code, stderr } = await runChild([join(dir, 'state'), 'fetch', list, log], {
    prefix: ['prlimit', '--nofile=48', '--'],
  });
  if (code !== 0) t.match(stderr, /^IO_FAILED .*EMFILE/);
  const again = await runChild([join(dir, 'state'), 'fetch', list, log]);
  t.equal(again.code, 0);
});

t.test('L05: a read-only store serves what it has and refuses the rest', async (t) => {
  const dir = t.testdir();
  const home = join(dir, 'state');
  const { list, log } = await writeBlobs(dir, 2, 1000);
  t.equal((await runChild([home, 'fetch', list, log])).code, 0);
  const readOnly = ['unshare', '-Urm', 'sh', '-c'];
  const script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"';
  const options = { prefix: [...readOnly, script, home] };
  const hit = await runChild([home, 'fetch', list, log], options);
  t.match(hit, { code: 0, stdout: /present present/ });
  const other = await writeBlobs(join(dir), 1, 2000);
  const miss = await runChild([home, 'fetch', other.list, other.log], options);
  t.match(miss, { code: 12, stderr: /^PERMISSION_DENIED .*read-only/ });
  const build = await runChild([home, 'build', list, log, exampleKey], options);
  t.match(build, { code: 12, stderr: /^PERMISSION_DENIED / });
});

t.test('L15: a home that cannot be made is said with advice', async (t) => {
  const dir = t.testdir({ file: '' });
  const { list, log } = await writeBlobs(dir, 1, 10);
  t.match(await runChild([join(dir, 'file', 'state'), 'fetch', list, log]), {
    code: 12,
    stderr: /^IO_FAILED /,
  });
  t.match(await runChild(['/proc/state', 'fetch', list, log]), { code: 12, stderr: /^IO_FAILED / });
});

t.test('L05: a blob that may not be read is set aside and fetched again', async (t) => {
  const dir = t.testdir();
  const home = join(dir, 'state');
  const { list, log, blobs } = await writeBlobs(dir, 1, 1000);
  t.equal((await runChild([home, 'fetch', list, log])).code, 0);
  await chmod(join(home, 'store/blobs/sha256', blobs[0]?.digest.slice(7) ?? ''), 0);
  // Modes count for nobody else: as root, give up the right to read everything.
  const prefix =
    process.getuid?.() === 0
      ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--inh-caps=-all', '--']
      : [];
  t.match(await runChild([home, 'fetch', list, log], { prefix }), { code: 0, stdout: 'fetched\n' });
});
