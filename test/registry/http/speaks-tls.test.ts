/** A server that does not speak TLS is told apart at once, and nobody else is. */

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import t from 'tap';
import { maySpeakTls } from '../../../src/registry/http/speaks-tls.ts';
import { makeCertificate } from '../../support/certificate.ts';
import { startDockerRegistry } from '../../support/docker-registry.ts';

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

t.test('servers of HTTP do not, in Node and in Go', async (t) => {
  const server = createHttpServer();
  t.teardown(() => server.close());
  t.equal(await maySpeakTls('127.0.0.1', await portOf(server)), false);
  await using registry = await startDockerRegistry();
  t.equal(await maySpeakTls('127.0.0.1', Number(new URL(registry.url).port)), false);
});

t.test('servers of TLS do, also those that refuse the greeting', async (t) => {
  const { certFile, keyFile } = await makeCertificate(t.testdir(), 'server');
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  for (const minVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const server = createHttpsServer({ cert, key, minVersion });
    t.teardown(() => server.close());
    t.equal(await maySpeakTls('127.0.0.1', await portOf(server)), true, minVersion);
  }
});

t.test('what cannot be told is left to a proper attempt', async (t) => {
  const silent = createServer(() => {});
  const rude = createServer((socket) => socket.destroy());
  const gone = createServer();
  t.teardown(() => silent.close());
  t.teardown(() => rude.close());
  const port = await portOf(gone);
  await once(gone.close(), 'close');
  t.equal(await maySpeakTls('127.0.0.1', port), true, 'nobody there');
  t.equal(await maySpeakTls('127.0.0.1', await portOf(rude)), true, 'closed');
  t.equal(await maySpeakTls('127.0.0.1', await portOf(silent)), true, 'silent');
});
