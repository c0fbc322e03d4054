/**
 * A rebuild after a change of one line, on a machine that has nothing of the project: `s2oci build --incremental`, which
 * fetches the artifacts kept beside the image, and `buildah bud --layers --cache-from` of the `--as-dockerfile` output of the
 * same project, with a cache in the same registry. Prints bytes fetched and seconds, and writes JSON.
 *
 *     npm run build && node bench/incremental.ts [--megabytes 300] [--install 0] [--json bench.json]
 *
 * The dependencies are random files, which assemble fetches from a server on this machine when it has no artifacts; those
 * bytes count, too. `--install` adds the seconds that installing them takes otherwise. Both tools are the same
 * unprivileged user; times are of whole commands, push included.
 */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { chown, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findTestUser, run } from '../test/support/as-user.ts';
import { startDockerRegistry } from '../test/support/docker-registry.ts';
import { pushBuilder } from '../test/support/images.ts';

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '300' },
    install: { type: 'string', default: '0' },
    json: { type: 'string' },
  },
});
const program = fileURLToPath(new URL('../dist/program/main.js', import.meta.url));
const files = Number(values.megabytes) * 10;

const assemble = `#!/bin/sh
set -e
mkdir -p /app
if [ -d /tmp/artifacts/deps ]; then
  mv /tmp/artifacts/deps /app/deps
else
  sleep ${Number(values.install)}
  wget -qO - "$(cat /tmp/src/dependencies)" | tar -C /app -x
fi
cp /tmp/src/app.txt /app/app.txt
`;

const found = await findTestUser('with-subuids');
if (typeof found === 'string') throw new Error(found);
const user = found;
const work = await mkdtemp(join(tmpdir(), 's2oci-bench-'));
const archive = await makeDependencies();
const archiveBytes = (await stat(archive)).size;
/** How often the dependencies were fetched. */
let downloads = 0;
const server = createServer((_request, response) => {
  downloads += 1;
  createReadStream(archive).pipe(response);
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
await using registry = await startDockerRegistry();
const builder = `${registry.host}/builders/busybox:1`;
const source = join(work, 'source');

interface Cost {
  readonly seconds: number;
  readonly megabytes: number;
}

try {
  await writeSource('one');
  await pushBuilder('busybox', builder);
  const rows = { s2oci: await measure(s2oci), buildah: await measure(buildah) };
  for (const [name, { seconds, megabytes }] of Object.entries(rows))
    process.stdout.write(`${name.padEnd(8)} ${seconds} s  ${megabytes} MB fetched\n`);
  const date = new Date().toISOString().slice(0, 10);
  const result = { date, node: process.version, cpus: cpus().length, options: values, rows };
  if (values.json !== undefined)
    await writeFile(values.json, `${JSON.stringify(result, undefined, 2)}\n`);
} finally {
  server.close().closeAllConnections();
  await forget();
  await rm(work, { recursive: true, force: true });
}

/** Builds once, forgets everything of this machine, changes a line, and measures the next build. */
async function measure(build: () => Promise<void>): Promise<Cost> {
  await writeSource('one');
  await build();
  await forget();
  await writeSource('two');
  await registry.settle();
  const before = registry.requests.length;
  const downloadsBefore = downloads;
  const start = performance.now();
  await build();
  const seconds = Number(((performance.now() - start) / 1000).toFixed(2));
  await registry.settle();
  const bytes = (await fetched(before)) + (downloads - downloadsBefore) * archiveBytes;
  const megabytes = Number((bytes / 1e6).toFixed(1));
  await forget();
  return { seconds, megabytes };
}

/** Bytes of all blobs that were read since a request. */
async function fetched(since: number): Promise<number> {
  let bytes = 0;
  for (const { method, path, status } of registry.requests.slice(since)) {
    const hex = /\/blobs\/sha256:([0-9a-f]{64})/.exec(path)?.[1];
    if (method !== 'GET' || status >= 300 || hex === undefined) continue;
    const blob = join('docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
    bytes += (await stat(join(registry.dir, blob))).size;
  }
  return bytes;
}

async function s2oci(): Promise<void> {
  const args = ['build', source, builder, `${registry.host}/apps/ours:1`];
  await succeed(process.execPath, [program, ...args, '--incremental', '--quiet']);
}

async function buildah(): Promise<void> {
  const image = `${registry.host}/apps/peer:1`;
  const cache = `${registry.host}/apps/peer-cache`;
  const context = join(work, 'context/');
  const dockerfile = ['--as-dockerfile', context, '--quiet'];
  await succeed(process.execPath, [program, 'build', source, builder, image, ...dockerfile]);
  await succeed('buildah', [
    ...[...storage(), 'bud', '--layers', '--runtime', 'runc', '--network', 'host', '-q'],
    ...['--tls-verify=false', '--cache-from', cache, '--cache-to', cache, '-t', image, context],
  ]);
  await succeed('buildah', [...storage(), 'push', '-q', '--tls-verify=false', image]);
}

function storage(): readonly string[] {
  const at = join(work, 'storage');
  return ['--root', join(at, 'root'), '--runroot', join(at, 'run'), '--storage-driver', 'overlay'];
}

/** Writes an archive with `deps/`, as many random files of 100 kB as were asked for. */
async function makeDependencies(): Promise<string> {
  const path = join(work, 'deps.tar');
  await mkdir(join(work, 'deps'));
  for (let i = 0; i < files; i += 1)
    await writeFile(join(work, 'deps', String(i)), randomBytes(100_000));
  await run('tar', ['-C', work, '-cf', path, 'deps']);
  await rm(join(work, 'deps'), { recursive: true });
  return path;
}

async function writeSource(line: string): Promise<void> {
  await run('mkdir', ['-p', join(source, '.s2i/bin')]);
  const scripts = {
    assemble,
    'save-artifacts': '#!/bin/sh\ncd /app && exec tar -c deps\n',
  };
  for (const [name, content] of Object.entries(scripts))
    await writeFile(join(source, '.s2i/bin', name), content, { mode: 0o755 });
  await writeFile(join(source, 'app.txt'), `${line}\n`);
  await writeFile(join(source, 'dependencies'), `http://127.0.0.1:${port}/`);
  await run('chown', ['-R', `${user.uid}:${user.gid}`, work]);
}

/** Leaves this machine without anything of the builds. */
async function forget(): Promise<void> {
  await run(process.execPath, [program, 'store', 'prune'], { user, env: environment() });
  await run('buildah', ['unshare', 'rm', '-rf', join(work, 'storage')], { user });
  await rm(join(work, 'home'), { recursive: true, force: true });
  await chown(work, user.uid, user.gid);
}

function environment(): Record<string, string> {
  return { S2OCI_HOME: join(work, 'home') };
}

async function succeed(command: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await run(command, args, { user, cwd: work, env: environment() });
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${stderr}`);
}
