/** Labels and callbacks (s2i reference 2.12): the exact set, the limits, image_metadata.json, who is told what. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { builderImage } from '../../support/images.ts';
import { deriveImage, readLayout, writeTree } from '../s2i-support.ts';
import { openWorkbench, succeed } from '../support.ts';

t.setTimeout(600_000);

const bench = await openWorkbench();
t.teardown(() => bench[Symbol.asyncDispose]());
const { reference: builder } = await builderImage('busybox');
const inherited = (await readLayout(bench, await copyOf())).config.Labels;

async function copyOf(): Promise<string> {
  await deriveImage(bench, 'copy', {});
  return 'copy';
}

/** The labels that a build adds to those of the builder image. */
async function labelsOf(source: string, ...options: string[]) {
  const built = await bench.s2oci(['build', source, builder, 'oci:out:1', ...options]);
  succeed(t, built);
  const { Labels } = (await readLayout(bench, 'out')).config;
  return Object.fromEntries(
    Object.entries(Labels).filter(([name, value]) => inherited[name] !== value),
  );
}

async function git(directory: string, ...args: string[]): Promise<string> {
  const settings = ['-c', 'user.name=Jo Doe', '-c', 'user.email=jo@example.com'];
  const env = { GIT_AUTHOR_DATE: 'Fri Nov 20 17:22:03 2026 +0000' };
  const { stdout } = await bench.run('git', ['-C', directory, ...settings, ...args], { env });
  return stdout.trim();
}

const ns = 'io.openshift.s2i.build.';
const subject = 'x'.repeat(100);
const source = await writeTree(bench, 'source', { file: 'x', 'sub/file': 'y' });

t.test('J1 a copy', async (t) => {
  t.same(await labelsOf(source, '-n', 'shown', '--description', 'what it does'), {
    'io.k8s.display-name': 'shown',
    'io.k8s.description': 'what it does',
    [`${ns}image`]: builder,
    [`${ns}source-location`]: source,
  });
});

t.test('J2 J3 J4 a commit, a context directory, a message cut to 80', async (t) => {
  await git(source, 'init', '-q', '-b', 'main');
  await git(source, 'add', '.');
  await git(source, 'commit', '-qm', subject);
  const id = await git(source, 'rev-parse', 'HEAD');
  const typed = source.replace(/\/source$/, '/./source');
  const labels = await labelsOf(typed, '--git-head', '--context-dir', 'sub');
  t.same(labels, {
    'io.k8s.display-name': 'oci:out:1',
    [`${ns}image`]: builder,
    [`${ns}source-location`]: typed,
    [`${ns}source-context-dir`]: 'sub',
    [`${ns}commit.author`]: 'Jo Doe <jo@example.com>',
    [`${ns}commit.date`]: 'Fri Nov 20 17:22:03 2026 +0000',
    [`${ns}commit.id`]: id,
    [`${ns}commit.ref`]: 'main',
    [`${ns}commit.message`]: `${'x'.repeat(78)}..`,
  });
});

t.test('J6 what assemble says wins, within limits', async (t) => {
  const saying = (name: string, json: string) =>
    writeTree(bench, name, {
      '.s2i/bin/assemble': `#!/bin/sh\nmkdir -p /tmp/.s2i\ncat >/tmp/.s2i/image_metadata.json <<'X'\n${json}\nX\n`,
    });
  const good = '{"labels":[{"io.k8s.display-name":"mine"},{"one":"1"}]}';
  const labels = await labelsOf(
    await saying('good', good),
    '--label',
    'one=flag',
    '--label',
    'b=2',
  );
  t.match(labels, { 'io.k8s.display-name': 'mine', one: '1', b: '2' }, '[G]');
  t.notOk('x' in (await labelsOf(await saying('none', '{}'))), 'the original crashes [G]');
  const long = JSON.stringify({ labels: [{ long: 'y'.repeat(10_300) }] });
  for (const [name, json] of [
    ['malformed', '{"labels":'],
    ['number', '{"labels":[{"a":1}]}'],
    ['long', long],
  ] as const) {
    const built = await bench.s2oci(['build', await saying(name, json), builder, 'oci:out:1']);
    t.not(built.code, 0, name);
    t.not(built.code, 1, `${name} is no bug of ours: ${built.stderr.slice(-200)}`);
  }
});

t.test('K1 K2 K3 K4 a server is told, whole, again, and not for ever', async (t) => {
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    bodies.push(`${request.method} ${request.headers['content-type']} ${body}`);
    if (request.url === '/silent') return;
    if (request.url === '/flaky' && bodies.length === 1) request.socket.destroy();
    else response.writeHead(500).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close().closeAllConnections());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const build = (path: string, ...args: string[]) =>
    bench.s2oci(['build', ...args, 'oci:out:1', '--callback-url', `${address}${path}`]);
  const silent = await build('/silent', source, builder);
  succeed(t, silent);
  t.match(silent.stderr, /--callback-url did not answer/, 'a server that never answers');
  t.equal(bodies.length, 1, 'and it is not asked twice');
  bodies.length = 0;
  const told = await build('/flaky', source, builder);
  succeed(t, told);
  t.equal(bodies.length, 2, 'once more after a broken connection');
  t.equal(bodies[0], bodies[1], 'with the whole body');
  const [, method, type, body = ''] = /^(\S+) (\S+) ([\s\S]*)$/.exec(bodies[1] ?? '') ?? [];
  t.same([method, type], ['POST', 'application/json']);
  const { success, digest, image, labels } = JSON.parse(body);
  t.equal(success, true);
  t.equal(told.stdout, `${image}\n`);
  t.ok(image.endsWith(digest));
  t.ok(labels[`${ns}image`]);
  const failing = await writeTree(bench, 'failing', { '.s2i/bin/assemble': '#!/bin/sh\nexit 7\n' });
  t.equal((await build('/', failing, builder)).code, 9);
  t.match(bodies.at(-1), /\{"success":false\}\n$/, '[G]');
  const count = bodies.length;
  t.equal((await build('/', source, builder, '--url', 'tcp://daemon')).code, 2);
  t.equal(bodies.length, count + 1, 'wrong arguments are told as well');
});
