/** Where the context and the Dockerfile of `s2oci builder build` come from, and what ADD fetches. */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { makeRepository, serveGit, temporaryDirectory } from '../source/support.ts';
import { builderImage } from '../support/images.ts';
import { build, entriesOf } from './builder-support.ts';
import { openWorkbench, succeed, type Workbench } from './support.ts';

t.setTimeout(600_000);

const { reference: busybox } = await builderImage('busybox');

/** Builds and asserts that the image has the file. */
async function builds(
  t: Test,
  bench: Workbench,
  args: readonly string[],
  input?: Buffer,
): Promise<void> {
  const command = ['builder', 'build', '-t', `oci:${bench.directory}/image`, ...args];
  succeed(t, await bench.s2oci(command, input === undefined ? {} : { input }));
  t.ok((await entriesOf(bench)).includes('-rw-r--r-- 0/0 file'), args.join(' '));
}

t.test('the context is a directory, a repository, an archive, or standard input', async (t) => {
  await using bench = await openWorkbench();
  const inside = join(bench.directory, 'repository/sub');
  await mkdir(inside, { recursive: true });
  await writeFile(join(inside, 'file'), 'file\n');
  await writeFile(join(inside, 'Dockerfile'), `FROM ${busybox}\nCOPY . /\n`);
  await writeFile(join(inside, 'Dockerfile.other'), `FROM ${busybox}\nCOPY file /\n`);
  await writeFile(join(inside, 'Dockerfile.other.dockerignore'), '*\n!file\n');
  await writeFile(join(bench.directory, 'outside'), `FROM ${busybox}\nCOPY file /\n`);
  const git =
    'cp -r repository copy && cd copy && git init -qb main && git add . && git -c user.name=n -c user.email=e@x commit -qm m';
  succeed(t, await bench.run('sh', ['-c', git]));
  await bench.run('tar', ['-C', inside, '-czf', 'context.tgz', '.']);
  await builds(t, bench, [inside]);
  await builds(t, bench, [inside, '-f', join(bench.directory, 'outside')]);
  await builds(t, bench, [inside, '-f', 'Dockerfile.other']);
  await builds(t, bench, ['context.tgz']);
  await builds(t, bench, ['-'], await readFile(join(bench.directory, 'context.tgz')));
  await builds(t, bench, [inside, '-f', '-'], Buffer.from(`FROM ${busybox}\nCOPY file /\n`));
  await builds(t, bench, ['-'], Buffer.from(`FROM ${busybox}\nRUN echo file > /file\n`));
  await builds(t, bench, [`file://${bench.directory}/copy#main:sub`]);
});

t.test('ADD fetches files, holds them against a checksum, and clones repositories', async (t) => {
  const server = createServer((request, response) => {
    if (request.url === '/redirect') response.writeHead(302, { location: '/a/file.txt' }).end();
    else if (request.url === '/gone') response.writeHead(404).end();
    else
      response.writeHead(200, { 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' }).end('content');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sha = createHash('sha256').update('content').digest('hex');
  await using bench = await openWorkbench();
  const add = (line: string) => build(bench, { Dockerfile: `FROM ${busybox}\nADD ${line}\n` });
  succeed(t, await add(`--chown=7:8 --checksum=sha256:${sha} ${address}/a/file.txt /d/`));
  t.ok((await entriesOf(bench)).includes('-rw------- 7/8 d/file.txt'));
  succeed(t, await add(`--chmod=755 ${address}/redirect /d/program`));
  t.ok((await entriesOf(bench)).includes('-rwxr-xr-x 0/0 d/program'));
  const wrong = await add(`--checksum=sha256:${'0'.repeat(64)} ${address}/a/file.txt /d/`);
  t.equal(wrong.code, 3);
  t.match(wrong.stderr, /Dockerfile:2: .*does not have the digest/);
  const gone = await add(`${address}/gone /d/`);
  t.equal(gone.code, 4);
});

t.test('a Dockerfile takes less network than the build has, never more', async (t) => {
  await using bench = await openWorkbench();
  const files = { Dockerfile: `FROM ${busybox}\nRUN --network=host true\n` };
  succeed(t, await build(bench, files));
  const { code, stderr } = await build(bench, files, ['--network', 'none']);
  t.equal(code, 15);
  t.match(stderr, /Dockerfile:2: /);
});

t.test('ADD clones repositories, and a context comes out of one over http', async (t) => {
  const root = await temporaryDirectory(t);
  const dockerfile = `FROM ${busybox}\nCOPY file /\n`;
  await makeRepository(join(root, 'app.git'), { 'sub/file': 'f\n', 'sub/Dockerfile': dockerfile });
  const server = await serveGit(t, root);
  await using bench = await openWorkbench();
  const add = (line: string) => build(bench, { Dockerfile: `FROM ${busybox}\nADD ${line}\n` });
  succeed(t, await add(`--chown=7:8 ${server.url('app.git')}#main:sub /d/`));
  const entries = await entriesOf(bench);
  t.ok(entries.includes('-rw-r--r-- 7/8 d/file'), 'the content of the directory');
  t.notOk(entries.some((line) => line.includes('.git')));
  succeed(t, await add(`--keep-git-dir=true ${server.url('app.git')} /d/`));
  t.ok((await entriesOf(bench)).includes('-rw-r--r-- 0/0 d/.git/HEAD'));
  await builds(t, bench, [`${server.url('app.git')}#main:sub`]);
});
