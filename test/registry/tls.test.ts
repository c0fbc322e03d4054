/** Item 67: whom we trust, who we are, and what is said when a certificate is not good enough. */

import { once } from 'node:events';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { parseRegistriesConfig } from '../../src/registry/mirrors/parse.ts';
import { makeCertificate } from '../support/certificate.ts';
import { reply } from '../support/fault-actions.ts';
import { startFaultServer } from '../support/fault-server.ts';
import { errorOf, imageOf, layerOf, manifestHeaders, testClient } from './support.ts';

const image = imageOf([layerOf(10)]);
const rules = [
  { kind: 'manifest-head', times: 99, act: reply(200, { headers: manifestHeaders(image) }) },
] as const;

async function resolveAt(
  registry: string,
  settings: NonNullable<Parameters<typeof testClient>[0]>['settings'] = {},
): Promise<unknown> {
  const { client } = testClient({ settings });
  try {
    return await client.repository({ registry, repository: 'app' }).resolve('1');
  } finally {
    await client.close();
  }
}

t.test(
  'item 67: a self-signed certificate is refused, and the message says what to do',
  async (t) => {
    const tls = await makeCertificate(t.testdir({}), 'server');
    await using server = await startFaultServer({ tls, rules });
    const error = await errorOf(resolveAt(server.host));
    t.equal(error.code, 'TLS_UNTRUSTED');
    t.equal(error.exitCode, 6);
    t.match(error.message, /self-signed certificate/);
    t.match(error.suggestion, `certs.d/${server.host}/ca.crt`);
    t.equal(server.requests.length, 0);
  },
);

t.test('item 67: an extra authority is trusted beside the system ones', async (t) => {
  const tls = await makeCertificate(t.testdir({}), 'server');
  await using server = await startFaultServer({ tls, rules });
  t.same(await resolveAt(server.host, { caFiles: [tls.caFile] }), image.descriptor);
});

t.test('item 67: R05 expired, for another name, old TLS', async (t) => {
  const dir = t.testdir({});
  const expired = await makeCertificate(dir, 'expired', { expired: true });
  const other = await makeCertificate(dir, 'other', { subjectAltName: 'DNS:elsewhere.test' });
  for (const [tls, why] of [
    [expired, /expired/],
    [other, /altnames/],
  ] as const) {
    await using server = await startFaultServer({ tls, rules });
    const error = await errorOf(resolveAt(server.host, { caFiles: [tls.caFile] }));
    t.equal(error.code, 'TLS_UNTRUSTED');
    t.match(error.message, why);
  }
  const good = await makeCertificate(dir, 'good');
  const old = createServer({
    cert: await readFile(good.certFile),
    key: await readFile(good.keyFile),
    minVersion: 'TLSv1.1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  old.listen(0, '127.0.0.1');
  await once(old, 'listening');
  const { port } = old.address() as { port: number };
  const error = await errorOf(resolveAt(`127.0.0.1:${port}`, { caFiles: [good.caFile] }));
  t.equal(error.code, 'TLS_UNTRUSTED', error.message);
  old.close();
});

t.test('item 67: insecure is for the named host only', async (t) => {
  const tls = await makeCertificate(t.testdir({}), 'server');
  await using named = await startFaultServer({ tls, rules });
  await using other = await startFaultServer({ tls, rules });
  const insecure = [named.host];
  t.same(await resolveAt(named.host, { insecure }), image.descriptor);
  t.equal((await errorOf(resolveAt(other.host, { insecure }))).code, 'TLS_UNTRUSTED');
});

t.test('items 67 and 69: a rule makes a host insecure for what it covers', async (t) => {
  const tls = await makeCertificate(t.testdir({}), 'server');
  await using server = await startFaultServer({ tls, rules });
  const { host } = server;
  const insecureBelow = (prefix: string) => ({
    registries: parseRegistriesConfig(
      `[[registry]]\nlocation = "${prefix}"\ninsecure = true`,
      'the example',
    ),
  });
  t.same(await resolveAt(host, insecureBelow(`${host}/app`)), image.descriptor);
  const other = await errorOf(resolveAt(host, insecureBelow(`${host}/other`)));
  t.equal(other.code, 'TLS_UNTRUSTED');
});

t.test('item 67: certs.d gives authorities per host, with and without port', async (t) => {
  const dir = t.testdir({});
  const tls = await makeCertificate(dir, 'server');
  await using server = await startFaultServer({ tls, rules });
  for (const name of [server.host, '127.0.0.1']) {
    const root = join(dir, `certs-${name}`);
    await mkdir(join(root, name), { recursive: true });
    await copyFile(tls.caFile, join(root, name, 'ca.crt'));
    const directories = [join(dir, 'missing'), root];
    t.same(await resolveAt(server.host, { certificateDirectories: directories }), image.descriptor);
  }
});

t.test('item 67: a client certificate from certs.d', async (t) => {
  const dir = t.testdir({});
  const tls = await makeCertificate(dir, 'server');
  const own = await makeCertificate(dir, 'client');
  await using server = await startFaultServer({ tls: { ...tls, clientCa: own.caFile }, rules });
  const root = join(dir, 'certs');
  await mkdir(join(root, server.host), { recursive: true });
  await copyFile(tls.caFile, join(root, server.host, 'ca.crt'));
  const without = await errorOf(resolveAt(server.host, { certificateDirectories: [root] }));
  t.ok([5, 6].includes(without.exitCode), 'a server that wants one hangs up');
  await copyFile(own.certFile, join(root, server.host, 'me.cert'));
  const keyless = await errorOf(resolveAt(server.host, { certificateDirectories: [root] }));
  t.equal(keyless.code, 'CONFIG_INVALID');
  t.match(keyless.message, /me\.key is missing/);
  await copyFile(own.keyFile, join(root, server.host, 'me.key'));
  t.same(await resolveAt(server.host, { certificateDirectories: [root] }), image.descriptor);
});

t.test('item 67: certificate files that cannot be used are named', async (t) => {
  const dir = t.testdir({});
  await writeFile(join(dir, 'bad.pem'), 'no certificate');
  const tls = await makeCertificate(dir, 'server');
  await using server = await startFaultServer({ tls, rules });
  const missing = await errorOf(resolveAt(server.host, { caFiles: [join(dir, 'missing.pem')] }));
  t.equal(missing.code, 'CONFIG_INVALID');
  t.match(missing.message, /missing\.pem/);
  const bad = await errorOf(resolveAt(server.host, { caFiles: [join(dir, 'bad.pem')] }));
  t.equal(bad.code, 'CONFIG_INVALID', bad.message);
});

t.test('item 67: a second connection continues the session of the first', async (t) => {
  const tls = await makeCertificate(t.testdir({}), 'server');
  const [cert, key] = await Promise.all([readFile(tls.certFile), readFile(tls.keyFile)]);
  for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
    const continued: boolean[] = [];
    const server = createServer({ cert, key, maxVersion }, (_request, response) => {
      response.writeHead(200, { ...manifestHeaders(image), connection: 'close' }).end();
    });
    server.on('secureConnection', (socket) => continued.push(socket.isSessionReused()));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => server.close());
    const registry = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { client } = testClient({ settings: { caFiles: [tls.caFile] } });
    const repository = client.repository({ registry, repository: 'app' });
    for (let i = 0; i < 2; i += 1) await repository.resolve('1');
    await client.close();
    t.equal(continued[0], false, maxVersion);
    t.equal(continued.at(-1), true, maxVersion);
  }
});
