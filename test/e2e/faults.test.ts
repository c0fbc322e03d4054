/** Faults of assemble and of the place that it runs in, by the rows of the catalogue of faults. */

import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../support/as-user.ts';
import { builderImage } from '../support/images.ts';
import { leftovers, openWorkbench, program, succeed } from './support.ts';

t.setTimeout(600_000);

const bench = await openWorkbench();
t.teardown(() => bench[Symbol.asyncDispose]());
const { reference: builder } = await builderImage('busybox');
const source = join(bench.directory, 'source');

/** Builds with an assemble script, of which the last line says how it ends. */
async function assemble(
  script: string | Buffer,
  options: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  shell = 'exec "$@"',
) {
  await mkdir(join(source, '.s2i/bin'), { recursive: true });
  await writeFile(join(source, '.s2i/bin/assemble'), script);
  await chmod(join(source, '.s2i/bin/assemble'), 0o755);
  await run('chown', ['-R', `${bench.user.uid}:${bench.user.gid}`, bench.directory]);
  const args = ['build', source, builder, 'oci:out:1', '--compression', 'none', ...options];
  return bench.run('sh', ['-c', shell, 'sh', process.execPath, program, ...args], { env });
}

t.test(
  'S01 whatever way assemble fails, the build says which, and nothing is published',
  async (t) => {
    const codes = [1, 2, 126, 127, 137, 143, 255];
    const ends = new Map(codes.map((code) => [`exit ${code}`, code]));
    for (const [end, code] of [...ends, ["sh -c 'kill -11 $$'", 139]] as const) {
      const script = `#!/bin/sh\nfor i in $(seq 200); do echo line $i; done\n${end}\n`;
      const built = await assemble(script, ['--quiet']);
      t.equal(built.code, 9, `${end}: ${built.stderr}`);
      t.match(built.stderr, new RegExp(`assemble failed: exit code ${code}\\b`), end);
      t.match(built.stderr, 'line 200', 'what it said last is shown, also by --quiet');
      t.equal(built.stdout, '');
    }
    const index = await readFile(join(bench.directory, 'out/index.json'), 'utf8');
    t.same(JSON.parse(index).manifests, [], 'no image');
    t.same(await leftovers(bench.home), []);
  },
);

t.test('S03 a program for another processor', async (t) => {
  const header = Buffer.alloc(64);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(0xf3, 18);
  const built = await assemble(header);
  t.equal(built.code, 9);
  t.match(
    built.stderr,
    /assemble failed: \/tmp\/scripts\/assemble is a program for riscv64, not for \w+/,
  );
});

t.test('S08 what was mounted for the run is in no layer, what assemble edited is', async (t) => {
  const script = `#!/bin/sh
echo 'added:x:4711:0::/:/bin/sh' >>/etc/passwd
echo '10.0.0.9 elsewhere' >>/etc/hosts 2>/dev/null
echo x >/proc/sys/kernel/core_pattern 2>/dev/null
mount -t tmpfs tmpfs /mnt 2>/dev/null
echo built >/built
`;
  const metadata = join(bench.directory, 'result.json');
  succeed(t, await assemble(script, ['--assemble-user', '0', '--metadata-file', metadata]));
  const { layers } = JSON.parse(await readFile(metadata, 'utf8'));
  const blob = join(bench.directory, 'out/blobs', layers.at(-1).digest.replace(':', '/'));
  const { stdout } = await run('tar', ['-tf', blob]);
  t.same(stdout.split('\n').filter(Boolean).toSorted(), ['built', 'etc/', 'etc/passwd']);
});

t.test('S10 a previous image that cannot be used gives a clean build, and says why', async (t) => {
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/v2/' ? 200 : 403).end();
  }).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const spoil = 'cp -R out broken && cd broken/blobs/sha256 && for i in *; do echo x >"$i"; done';
  await bench.run('sh', ['-c', spoil]);
  const reasons = {
    [`127.0.0.1:${port}/private:1`]: /warning: clean build: cannot resolve .*: 403/,
    'oci:broken:1': /warning: clean build: sha256:\S+ in broken: the content ends after 2 of/,
    [builder]: /warning: clean build: save-artifacts failed: exit code 1/,
  };
  for (const [image, reason] of Object.entries(reasons)) {
    const options = ['--incremental', '--incremental-from', image, '-e', `FROM=${image}`];
    const built = await assemble('#!/bin/sh\necho built >/built\n', options);
    succeed(t, built);
    t.match(built.stderr, reason);
  }
});

t.test(
  'X10 no predictable names, nothing for others to write, nothing kept in TMPDIR',
  async (t) => {
    const real = join(bench.directory, 'elsewhere');
    const link = join(bench.directory, 'tmp');
    await mkdir(real);
    await symlink(real, link);
    await rm(bench.home, { recursive: true, force: true });
    const script = '#!/bin/sh\numask 022\necho built >/built\n';
    const built = await assemble(script, [], { TMPDIR: link }, 'umask 000; exec "$@"');
    succeed(t, built);
    t.equal((await stat(bench.home)).mode & 0o777, 0o700, 'the state belongs to its user alone');
    t.same(await readdir(real), []);
  },
);
