/**
 * What other tools see in a produced image is what assemble left behind, entry by entry: mode, owner,
 * size, link, xattr and content.
 */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../support/as-user.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { pushBuilder } from '../support/images.ts';
import { openWorkbench, succeed } from './support.ts';

t.setTimeout(600_000);

/** Lists a tree: type, mode, owner, size of files, link target, content; directories of the run itself left out. */
const lister = `
import hashlib, os, stat, sys
root = sys.argv[1]
skip = {'proc', 'sys', 'dev', 'listing'}
def line(path):
    full = os.path.join(root, path)
    s = os.lstat(full)
    kind = stat.S_IFMT(s.st_mode)
    link = os.readlink(full) if stat.S_ISLNK(s.st_mode) else ''
    regular = stat.S_ISREG(s.st_mode)
    content = hashlib.sha256(open(full, 'rb').read()).hexdigest() if regular else ''
    names = [] if stat.S_ISLNK(s.st_mode) else sorted(os.listxattr(full, follow_symlinks=False))
    xattrs = ','.join('%s=%s' % (n, os.getxattr(full, n).hex()) for n in names if not n.startswith('user.overlay'))
    mode = '' if stat.S_ISLNK(s.st_mode) else oct(stat.S_IMODE(s.st_mode))
    group = ''
    print('\\t'.join([path, oct(kind), mode, str(s.st_uid), str(s.st_gid), str(s.st_size if regular else 0), link, content, xattrs]))
for here, names, files in os.walk(root):
    names.sort()
    relative = os.path.relpath(here, root)
    prefix = '' if relative == '.' else relative + '/'
    if prefix == '':
        names[:] = [n for n in names if n not in skip]
    for name in sorted(names + files):
        if prefix == '' and name in skip: continue
        # mounted for the run only
        if prefix + name in ('etc/resolv.conf', 'etc/hosts'): continue
        line(prefix + name)
`;

const assemble = `#!/bin/bash
set -e
cp -R /tmp/src/. /opt/app-root/src/
mkdir -p /opt/made/{a,b}
echo one > /opt/made/a/file
ln /opt/made/a/file /opt/made/b/hardlink
ln -s ../a/file /opt/made/b/symlink
chown 1001:33 /opt/made/a/file
chmod 6755 /opt/made/a/file
chmod 1777 /opt/made/b
rm -rf /usr/share/doc
mkdir -p /usr/share/doc/new
rm -f /etc/debian_version
mv /etc/skel /etc/skeleton
printf 'caf\\303\\251' > "/opt/made/caf$(printf '\\303\\251')"
truncate -s 1M /opt/made/sparse
: > /opt/made/empty
mkfifo /opt/made/fifo
python3 -c "import os; os.setxattr('/opt/made/empty', 'user.note', b'\\x00\\xff binary')" || true
rm -f /etc/motd
python3 /tmp/src/lister.py / > /listing/before
`;

t.test('umoci unpack gives the root file system that assemble left', async (t) => {
  if (process.getuid?.() !== 0) {
    t.comment(
      'owners can only be compared by root: umoci unpack is run rootless and owners are not compared',
    );
  }
  await using registry = await startDockerRegistry();
  const builder = `${registry.host}/builders/python:1`;
  await pushBuilder('python', builder);
  await using bench = await openWorkbench();
  const source = join(bench.directory, 'source');
  const listing = join(bench.directory, 'listing');
  await mkdir(join(source, '.s2i/bin'), { recursive: true });
  await mkdir(listing);
  await writeFile(join(source, 'lister.py'), lister);
  await writeFile(join(source, '.s2i/bin/assemble'), assemble);
  await run('chown', ['-R', `${bench.user.uid}:${bench.user.gid}`, source, listing]);
  const image = `${registry.host}/apps/fidelity:1`;
  succeed(
    t,
    await bench.s2oci([
      'build',
      source,
      builder,
      image,
      '--assemble-user',
      '0',
      // what assemble left is compared, the build's own files with it
      '--compat',
      '-v',
      `${listing}:/listing`,
    ]),
  );

  const layout = join(bench.directory, 'layout');
  succeed(
    t,
    await run('skopeo', [
      'copy',
      '-q',
      '--src-tls-verify=false',
      `docker://${image}`,
      `oci:${layout}:1`,
    ]),
  );
  const bundle = join(bench.directory, 'bundle');
  const rootless = process.getuid?.() === 0 ? [] : ['--rootless'];
  succeed(t, await run('umoci', ['unpack', ...rootless, '--image', `${layout}:1`, bundle]));
  const after = await run('python3', [join(source, 'lister.py'), join(bundle, 'rootfs')]);
  succeed(t, after);

  const left = new Map(lines(await readFile(join(listing, 'before'), 'utf8')));
  const seen = new Map(lines(after.stdout));
  // The mount point of the listing itself was made for the run and is not part of the image.
  left.delete('listing');
  const differences = [...new Set([...left.keys(), ...seen.keys()])]
    .filter((path) => left.get(path) !== seen.get(path))
    .map((path) => ({ path, left: left.get(path), seen: seen.get(path) }));
  t.ok(left.size > 5000, `${left.size} entries compared`);
  t.same(differences, []);
  const inode = await run('stat', ['-c', '%h', join(bundle, 'rootfs/opt/made/a/file')]);
  t.equal(inode.stdout.trim(), '2', 'hard links stay hard links');
});

t.test('podman and buildah accept what is pushed', async (t) => {
  await using registry = await startDockerRegistry();
  const builder = `${registry.host}/builders/busybox:1`;
  await pushBuilder('busybox', builder);
  await using bench = await openWorkbench();
  const source = join(bench.directory, 'source');
  await mkdir(source);
  await writeFile(join(source, 'hello.txt'), 'hello\n');
  await run('chown', ['-R', `${bench.user.uid}:${bench.user.gid}`, source]);
  const image = `${registry.host}/apps/interop:1`;
  succeed(t, await bench.s2oci(['build', source, builder, image]));
  const storage = [
    '--root',
    join(bench.directory, 'storage'),
    '--runroot',
    join(bench.directory, 'runroot'),
  ];
  const podman = await run('podman', [...storage, 'pull', '-q', '--tls-verify=false', image]);
  succeed(t, podman);
  const buildah = await run('buildah', [
    ...storage,
    'from',
    '--pull-never',
    '--name',
    'interop',
    image,
  ]);
  succeed(t, buildah);
  const mounted = await run('buildah', [...storage, 'mount', 'interop']);
  succeed(t, mounted);
  t.equal(await readFile(join(mounted.stdout.trim(), 'app/hello.txt'), 'utf8'), 'hello\n');
  await run('buildah', [...storage, 'rm', '--all']);
});

function lines(text: string): [string, string][] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => [line.slice(0, line.indexOf('\t')), line]);
}
