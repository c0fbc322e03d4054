/** Scripts on a server that a label names (s2i reference 2.5, 2.10): allowed by the user, pinned, over https, public. */

import { once } from 'node:events';
import { chmod, readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { digestOf } from '../../../src/model/index.ts';
import { makeCertificate } from '../../support/certificate.ts';
import { startProxy } from '../../support/proxy.ts';
import { deriveImage, readLayout, writeTree } from '../s2i-support.ts';
import { openWorkbench, succeed } from '../support.ts';

t.setTimeout(600_000);

const bench = await openWorkbench();
t.teardown(() => bench[Symbol.asyncDispose]());
const scripts: Readonly<Record<string, string>> = {
  '/builder/assemble': '#!/bin/sh\necho "assemble of the server" && echo made >/app/made\n',
  '/builder/run': '#!/bin/sh\n',
  '/builder/usage': '#!/bin/sh\necho usage of the server\n',
  '/runtime/assemble-runtime': '#!/bin/sh\necho "finished by the server" && ls deps\n',
  '/runtime/run': '#!/bin/sh\nexec cat /srv/deps/made\n',
};
const asked: string[] = [];
const tls = await makeCertificate(bench.directory, 'server', {
  subjectAltName: 'DNS:scripts.example.com,IP:127.0.0.1',
});
await chmod(tls.certFile, 0o644);
const [cert, key] = await Promise.all([readFile(tls.certFile), readFile(tls.keyFile)]);
const server = createServer({ cert, key }, ({ url = '' }, response) => {
  asked.push(url);
  if (scripts[url] === undefined) response.writeHead(404).end();
  else response.end(scripts[url]);
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
t.teardown(() => server.close().closeAllConnections());
const proxy = await startProxy({ target: `https://127.0.0.1:${port}` });
t.teardown(() => proxy[Symbol.asyncDispose]());

/** Where an image says that its scripts are. */
const place = (base: string, directory: string, ...names: string[]) => {
  const pins = names.map((name) => `${name}=${digestOf(scripts[`/${directory}/${name}`] ?? '')}`);
  return `${base}/${directory}#${pins.join('&')}`;
};
const label = (url: string) => ({ Labels: { 'io.openshift.s2i.scripts-url': url } });
const base = 'https://scripts.example.com';
const builder = await deriveImage(bench, 'builder', {
  config: label(place(base, 'builder', 'assemble', 'run')),
});
const runtimeUrl = place(base, 'runtime', 'assemble-runtime', 'run');
const derive = (name: string, url: string) =>
  deriveImage(bench, name, { config: { ...label(url), WorkingDir: '/srv' } });
const runtime = await derive('runtime', runtimeUrl);
const source = await writeTree(bench, 'source', { file: 'x' });

const build = (runtimeImage: string, ...options: string[]) =>
  bench.s2oci(
    [
      ...['build', source, builder, 'oci:out:1', '--runtime-image', runtimeImage],
      ...['-a', '/app/made:deps', ...options],
    ],
    { env: { https_proxy: proxy.url, NODE_EXTRA_CA_CERTS: tls.certFile } },
  );

t.test('D6 I2 builder and runtime image name scripts on a server', async (t) => {
  const built = await build(runtime, '--allow-remote-scripts');
  succeed(t, built);
  t.match(built.stderr, /assemble of the server/);
  t.match(built.stderr, /finished by the server/);
  const named = Object.keys(scripts).filter((path) => path !== '/builder/usage');
  t.same(asked.toSorted(), named.toSorted(), 'what has a digest, and no more');
  t.same((await readLayout(bench, 'out')).config.Cmd, ['/tmp/scripts/run']);
  const ran = await bench.s2oci(['run', 'oci:out:1']);
  t.equal(ran.stdout, 'made\n', ran.stderr);
});

t.test(
  'P2 usage, too, asks the server when it may, and passes it over for a place of the user',
  async (t) => {
    const names = ['assemble', 'run', 'usage'];
    const told = await derive('told', place(base, 'builder', ...names));
    const env = { https_proxy: proxy.url, NODE_EXTRA_CA_CERTS: tls.certFile };
    const usage = (...args: string[]) => bench.s2oci(['usage', told, ...args], { env });
    const allowed = await usage('--allow-remote-scripts');
    succeed(t, allowed);
    t.equal(allowed.stdout, 'usage of the server\n');
    const refused = await usage();
    t.equal(refused.code, 8, 'nobody allowed it');
    t.match(refused.stderr, /cannot name a server .*\n.*--scripts-url/s);

    const own = await writeTree(bench, 'own', {
      assemble: '#!/bin/sh\necho "assemble of the user"\n',
      run: '#!/bin/sh\n',
      usage: '#!/bin/sh\necho "usage of the user"\n',
    });
    const given = await usage('--scripts-url', `file://${own}`);
    t.equal(given.stdout, 'usage of the user\n', given.stderr);
    const built = await bench.s2oci([
      'build',
      source,
      told,
      'oci:own-out:1',
      '-s',
      `file://${own}`,
    ]);
    succeed(t, built);
    t.match(built.stderr, /assemble of the user/);
    t.match(built.stderr, /cannot name a server .* passed over/);
  },
);

t.test('D6 L2 --as-dockerfile brings the scripts of the server along', async (t) => {
  const options = ['--allow-remote-scripts', '--as-dockerfile', 'context/'];
  const written = await bench.s2oci(['build', source, builder, 'app:1', ...options], {
    env: { https_proxy: proxy.url, NODE_EXTRA_CA_CERTS: tls.certFile },
  });
  succeed(t, written);
  const text = await readFile(join(bench.directory, 'context/Dockerfile'), 'utf8');
  t.match(text, /RUN \/tmp\/scripts\/assemble\nCMD \["\/tmp\/scripts\/run"\]/);
});

t.test('D6 I3 a label of a runtime image is held against the same rules', async (t) => {
  const refused = await build(runtime);
  t.equal(refused.code, 8, 'nobody allowed it');
  const allowed = ['--allow-remote-scripts', '--no-cache'];
  const cases = [
    [
      'without digests',
      `${base}/runtime`,
      8,
      /runtime image .* lacks the digests of assemble-runt/,
    ],
    ['over http', runtimeUrl.replace('https', 'http'), 8, /only https/],
    ['of another content', runtimeUrl.replace(/.{8}$/, '00000000'), 3, /DIGEST_MISMATCH/],
    [
      'on this machine',
      runtimeUrl.replace('scripts.example.com', `127.0.0.1:${port}`),
      4,
      /others may not send us/,
    ],
  ] as const;
  for (const [what, url, code, reason] of cases) {
    const built = await build(await derive(what.replaceAll(' ', '-'), url), ...allowed);
    t.equal(built.code, code, `${what}: ${built.stderr.slice(-300)}`);
    t.match(built.stderr, reason, what);
    t.notMatch(built.stderr, /\| assemble of/, 'nothing has run');
  }
});
