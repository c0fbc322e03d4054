/** Where scripts come from (s2i reference 2.5): URL, source, label, old label, variable; each script on its own. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { builderImage } from '../../support/images.ts';
import { deriveImage, readLayout, writeTree } from '../s2i-support.ts';
import { openWorkbench, succeed } from '../support.ts';

t.setTimeout(600_000);

const bench = await openWorkbench();
t.teardown(() => bench[Symbol.asyncDispose]());
const { reference: busybox } = await builderImage('busybox');

const told = (name: string, from: string) =>
  `#!/bin/sh\necho "${name} of ${from}"\n[ ${name} != save-artifacts ] || exit 9\n`;
const set = (from: string, directory: string) =>
  Object.fromEntries(
    ['assemble', 'run', 'save-artifacts'].map((name) => [`${directory}/${name}`, told(name, from)]),
  );

const places = { ...set('label', 'c'), ...set('old label', 'o'), ...set('variable', 'v') };
const labels = {
  'io.openshift.s2i.scripts-url': 'image:///c',
  'io.s2i.scripts-url': 'image:///o',
};
const Env = ['PATH=/bin', 'STI_SCRIPTS_URL=image:///v'];
const all = await deriveImage(bench, 'all', { files: places, config: { Labels: labels, Env } });
const old = await deriveImage(bench, 'old', {
  files: places,
  config: { Labels: { 'io.s2i.scripts-url': 'image:///o' }, Env },
});
const variable = await deriveImage(bench, 'variable', {
  files: places,
  config: { Labels: {}, Env },
});
const plain = await writeTree(bench, 'plain', { file: 'x' });

/** Builds, and returns what assemble said and what the image runs. */
async function build(source: string, builder: string, ...options: string[]) {
  const built = await bench.s2oci(['build', source, builder, 'oci:out:1', ...options]);
  const cmd = built.code === 0 ? (await readLayout(bench, 'out')).config.Cmd : [];
  return { ...built, assembled: /\| (assemble of .*)/.exec(built.stderr)?.[1], cmd };
}

t.test('D1 D2 D3 S11 label before old label before variable', async (t) => {
  t.match(await build(plain, all), { assembled: 'assemble of label', cmd: ['/c/run'] });
  const byOld = await build(plain, old);
  t.match(byOld, { assembled: 'assemble of old label', cmd: ['/o/run'] });
  t.match(byOld.stderr, /deprecated label io\.s2i\.scripts-url/);
  const byVariable = await build(plain, variable);
  t.match(byVariable, { assembled: 'assemble of variable', cmd: ['/v/run'] });
  t.match(byVariable.stderr, /deprecated variable STI_SCRIPTS_URL/);
});

t.test('D4 D5 D9 the source before the image, the URL before the source', async (t) => {
  const source = await writeTree(bench, 'overrides', set('source', '.s2i/bin'));
  t.match(await build(source, all), {
    assembled: 'assemble of source',
    cmd: ['/tmp/scripts/run'],
  });
  const url = await writeTree(bench, 'url', set('url', '.'));
  t.match(await build(source, all, '-s', `file://${url}`), {
    assembled: 'assemble of url',
    cmd: ['/tmp/scripts/run'],
  });
  t.match(await build(source, all, '-s', 'image:///v'), {
    assembled: 'assemble of variable',
    cmd: ['/v/run'],
  });
  const elsewhere = await build(source, all, '-d', '/opt/s2i');
  t.same(elsewhere.cmd, ['/opt/s2i/scripts/run'], 'below the destination');
  const legacy = await writeTree(bench, 'legacy', set('old source', '.sti/bin'));
  const byLegacy = await build(legacy, all);
  t.equal(byLegacy.assembled, 'assemble of old source');
  t.match(byLegacy.stderr, /rename it to \.s2i\/bin/);
});

t.test('D7 each script is found on its own', async (t) => {
  const mixed = await writeTree(bench, 'mixed', {
    '.s2i/bin/assemble': told('assemble', 'source'),
  });
  t.match(await build(mixed, all), { assembled: 'assemble of source', cmd: ['/c/run'] }, '[G]');
  const part = await writeTree(bench, 'part', { run: told('run', 'url') });
  t.match(await build(mixed, all, '-s', `file://${part}`), {
    assembled: 'assemble of source',
    cmd: ['/tmp/scripts/run'],
  });
});

t.test('D6 a server: 200 and 201 are scripts, 404 goes on, anything else ends', async (t) => {
  const server = createServer((request, response) => {
    if (request.url === '/bin/assemble') response.end(told('assemble', 'server'));
    else if (request.url === '/bin/run') response.writeHead(201).end(told('run', 'server'));
    else response.writeHead(request.url?.startsWith('/broken') ? 500 : 404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.match(await build(plain, all, '--scripts', `${address}/bin`), {
    assembled: 'assemble of server',
    cmd: ['/tmp/scripts/run'],
  });
  t.equal((await build(plain, all, '-s', `${address}/nothing`)).code, 8, 'nothing there at all');
  t.equal((await build(plain, all, '-s', `${address}/broken`)).code, 4);
});

t.test('D8 D10 schemes nobody knows, and scripts that are nowhere', async (t) => {
  const scheme = await build(plain, all, '-s', 'gopher://host/bin');
  t.equal(scheme.code, 2);
  t.match(scheme.stderr, /scripts-url/);
  const nowhere = await deriveImage(bench, 'nowhere', {
    config: { Labels: { 'io.openshift.s2i.scripts-url': 'image:///missing' } },
  });
  const missing = await build(plain, nowhere);
  t.equal(missing.code, 8, 'the original says 127 when it is too late [G]');
  t.match(missing.stderr, /no script assemble: .*\.s2i\/bin.*image:\/\/\/missing/);
  t.equal((await bench.s2oci(['usage', nowhere])).code, 8, 'the original: 11 [G]');
  const unlabelled = await deriveImage(bench, 'unlabelled', { config: { Labels: {} } });
  const nothing = await build(plain, unlabelled);
  t.equal(nothing.code, 8);
  t.match(nothing.stderr, /no label io\.openshift\.s2i\.scripts-url/);
  const file = await deriveImage(bench, 'file', {
    config: { Labels: { 'io.openshift.s2i.scripts-url': 'file:///etc' } },
  });
  t.equal((await build(plain, file)).code, 8, 'an image may not read files of this machine');
});

t.test('M3 M4 N7 S03 S04 no tar, no shell: one way for all, and the cause by name', async (t) => {
  const bare = await deriveImage(bench, 'bare', {
    removed: ['bin/tar', 'usr/libexec/s2i/save-artifacts'],
  });
  const clean = await build(plain, bare, '--incremental');
  succeed(t, clean);
  t.match(clean.stderr, /clean build: the builder image has no save-artifacts script/);
  const { config, layers } = await readLayout(bench, 'out');
  t.equal(layers.length, (await readLayout(bench, 'bare')).layers.length + 1, 'one layer [G]');
  t.equal(config.Labels['io.openshift.s2i.build.image'], bare, 'no temporary image [G]');
  const shellless = await deriveImage(bench, 'shellless', { removed: ['bin/sh', 'bin/tar'] });
  const failed = await build(plain, shellless);
  t.equal(failed.code, 9);
  t.match(failed.stderr, /assemble failed: the interpreter \/bin\/sh .* is not in the image/);
  const source = await writeTree(bench, 'bashism', { '.s2i/bin/assemble': '#!/bin/bash\n' });
  t.match((await build(source, busybox)).stderr, /the interpreter \/bin\/bash .* is not in/);
  const foreign = await deriveImage(bench, 'foreign', {
    files: { 'usr/libexec/s2i/run': `#!/bin/none\n` },
  });
  succeed(t, await build(plain, foreign));
  const ran = await bench.s2oci(['run', 'oci:out:1']);
  t.not(ran.code, 0);
  t.match(ran.stderr, /run failed: the interpreter \/bin\/none .* is not in the image/);
});
