/** Clients that are hostile, broken or slow: the registry stays up, stays inside its directory, and says why. */

import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { digestOf } from '../../src/model/index.ts';
import { fc } from '../support/property.ts';
import {
  errorCode,
  openSocket,
  pushBlob,
  send,
  start,
  startTestRegistry,
  type TestReply,
} from './client.ts';

/** Reads what a server says until it closes the connection. */
async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString('latin1');
}

async function isAlive(host: string): Promise<boolean> {
  return (await send(host, 'GET', '/v2/')).status === 200;
}

t.test('no request reaches a file outside the directory', async (t) => {
  const directory = t.testdir({ registry: {}, secret: 'not yours' });
  const { host } = await startTestRegistry(t, { directory: join(directory, 'registry') });
  const climbs = ['..', '../..', '%2e%2e', '%2e%2e%2f%2e%2e', '..%5c..', '.%00.', '....//'];
  const digest = digestOf('x');
  for (const climb of climbs) {
    const paths = [
      `/v2/${climb}/secret`,
      `/v2/${climb}/blobs/${digest}`,
      `/v2/a/${climb}/blobs/uploads/?digest=${digest}`,
      `/v2/a/blobs/${climb}`,
      `/v2/a/blobs/sha256:${climb}`,
      `/v2/a/blobs/uploads/${climb}`,
      `/v2/a/blobs/uploads/?mount=${climb}&from=${climb}`,
      `/v2/a/manifests/${climb}`,
      `/v2/a/manifests/${climb}secret`,
      `/v2/a/referrers/${climb}`,
      `/v2/${climb}/tags/list`,
    ];
    for (const path of paths) {
      for (const method of ['GET', 'PUT', 'POST', 'PATCH', 'DELETE']) {
        const { status } = await send(host, method, path, { body: 'x' });
        t.ok(status >= 400 && status < 500, `${method} ${path}: ${status}`);
      }
    }
  }
  t.equal(await readFile(join(directory, 'secret'), 'utf8'), 'not yours');
  t.same((await readdir(directory)).toSorted(), ['registry', 'secret']);
  const made = await readdir(join(directory, 'registry'), { recursive: true });
  t.same(made.toSorted(), ['format', 'temporary', 'uploads']);
});

t.test('a stray file among the links is no way in', async (t) => {
  const directory = t.testdir();
  const { host } = await startTestRegistry(t, { directory });
  const { digest } = await pushBlob(host, 'a', 'x');
  await writeFile(join(directory, 'repositories/a/_blobs/sha256/extra'), 'x');
  t.equal((await send(host, 'GET', '/v2/a/blobs/sha256:extra')).status, 400);
  t.equal((await send(host, 'GET', `/v2/a/_blobs/sha256/blobs/${digest}`)).status, 400);
});

t.test('text of a request comes back escaped', async (t) => {
  const { host } = await startTestRegistry(t);
  const name = encodeURIComponent('a\u202egnp\u0007\u001b[31m');
  const reply = await send(host, 'GET', `/v2/${name}/tags/list`);
  t.same([reply.status, errorCode(reply)], [400, 'NAME_INVALID']);
  t.notMatch(JSON.parse(reply.body.toString()).errors[0].message, /[\u0000-\u001f\u202e]/);
});

t.test('what is no HTTP is turned away', async (t) => {
  const { host } = await startTestRegistry(t);
  const nonsense: Readonly<Record<string, string>> = {
    'a TLS greeting': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'an unknown method': 'BREW /v2/ HTTP/1.1\r\nHost: x\r\n\r\n',
    'two lengths': 'PUT /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    'length and chunks':
      'PUT /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'a bad chunk': 'PUT /v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'a negative length': 'PUT /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
  };
  for (const [name, bytes] of Object.entries(nonsense)) {
    const socket = openSocket(host);
    socket.write(Buffer.from(bytes, 'latin1'));
    t.match(await readAll(socket), /^HTTP\/1\.1 4\d\d /, name);
  }
  t.ok(await isAlive(host));
});

t.test('headers beyond 16 KiB are turned away', async (t) => {
  const { host } = await startTestRegistry(t);
  const huge = await send(host, 'GET', '/v2/', { headers: { 'X-Filler': 'x'.repeat(20_000) } });
  t.equal(huge.status, 431);
  const long = await send(host, 'GET', `/v2/${'a/'.repeat(10_000)}tags/list`);
  t.equal(long.status, 431);
  t.ok(await isAlive(host));
});

t.test('a body that is too large is refused before it was sent', async (t) => {
  const { host } = await startTestRegistry(t);
  const request = start(host, 'PUT', '/v2/a/manifests/1', { 'Content-Length': '1000000000000' });
  request.on('error', () => {});
  request.write('{');
  const [response] = await once(request, 'response');
  t.equal(response.statusCode, 413);
  t.equal(response.headers.connection, 'close');
  response.resume();
  await once(response, 'close');
  t.ok(await isAlive(host));
});

t.test('a refusal reaches a client that is busy sending', async (t) => {
  const { host } = await startTestRegistry(t);
  const path = '/v2/a/blobs/uploads/00000000-0000-4000-8000-000000000000';
  for (let round = 0; round < 5; round += 1) {
    const reply = await send(host, 'PATCH', path, { body: Buffer.alloc(3_000_000) });
    t.same([reply.status, errorCode(reply)], [404, 'BLOB_UPLOAD_UNKNOWN']);
  }
});

t.test('a client that sends its headers slowly is cut off', async (t) => {
  const limits = { headersTimeout: 300 };
  const { host } = await startTestRegistry(t, { limits });
  const socket = openSocket(host);
  const answer = readAll(socket);
  socket.write('GET /v2/ HTTP/1.1\r\n');
  const drip = setInterval(() => socket.write('X: y\r\n'), 50);
  // A client that goes on sending may lose the answer to a reset of the connection.
  t.match(await answer.finally(() => clearInterval(drip)), /^(HTTP\/1\.1 408 |$)/);
  t.ok(await isAlive(host));
});

t.test('a client that falls silent is cut off; its upload can go on', async (t) => {
  const { host } = await startTestRegistry(t, { limits: { idleTimeout: 300 } });
  const { headers } = await send(host, 'POST', '/v2/a/blobs/uploads/');
  const location = headers.location ?? '';
  const request = start(host, 'PATCH', location, { 'Content-Length': '1000' });
  const failed = once(request, 'error');
  request.write('0123456789');
  const [error] = await failed;
  t.match(error, { code: 'ECONNRESET' });
  const state = await send(host, 'GET', location);
  t.same([state.status, state.headers.range], [204, '0-9']);
});

t.test('a client that does not read its download is cut off', async (t) => {
  const { host } = await startTestRegistry(t, { limits: { idleTimeout: 300 } });
  const { digest } = await pushBlob(host, 'a', Buffer.alloc(20_000_000));
  const socket = openSocket(host);
  socket.pause();
  socket.write(`GET /v2/a/blobs/${digest} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await sleep(1000);
  let length = 0;
  socket.on('data', (chunk: Buffer) => {
    length += chunk.length;
  });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.resume();
  await closed;
  t.ok(length < 20_000_000, `${length} bytes were left in the pipe`);
  t.ok(await isAlive(host));
});

t.test('connections beyond the limit are dropped, those within it served', async (t) => {
  const { host } = await startTestRegistry(t, { limits: { connections: 5 } });
  const idle = Array.from({ length: 5 }, () => openSocket(host));
  await Promise.all(idle.map((socket) => once(socket, 'connect')));
  await t.rejects(send(host, 'GET', '/v2/'), { code: 'ECONNRESET' });
  for (const socket of idle) socket.destroy();
  await Promise.all(idle.map((socket) => once(socket, 'close')));
  await sleep(50);
  t.ok(await isAlive(host));
});

t.test('no request makes the registry fail', async (t) => {
  const warnings: string[] = [];
  const { host } = await startTestRegistry(t, {
    reporter: {
      emit: (event) => {
        if (event.type === 'log' && event.level === 'warning') warnings.push(event.message);
      },
    },
  });
  const { digest } = await pushBlob(host, 'a', 'x');
  const opened = await send(host, 'POST', '/v2/a/blobs/uploads/');
  const target = fc.oneof(
    fc.constantFrom('/v2/', '/v2/a/tags/list', '/v2/a/manifests/1', '/v2/a/blobs/uploads/'),
    fc.constantFrom(`/v2/a/blobs/${digest}`, `/v2/a/referrers/${digest}`),
    fc.constant(opened.headers.location ?? ''),
    fc.webPath().map((path) => `/v2/a${path.replace(/[^\x21-\x7e]/g, '')}`),
  );
  const query = fc.oneof(
    fc.constant(''),
    fc.webQueryParameters().map((text) => `?${text}`),
    fc
      .constantFrom(
        'digest',
        'mount',
        'from',
        'n',
        'last',
        'artifactType',
        'tag',
        'digest-algorithm',
      )
      .chain((name) => fc.webQueryParameters().map((value) => `?${name}=${value}`)),
    fc.constantFrom(`?digest=${digest}`, `?mount=${digest}&from=a`),
  );
  const header = fc.constantFrom('Range', 'Content-Range', 'If-Match', 'If-None-Match', 'If-Range');
  const headers = fc.dictionary(header, fc.stringMatching(/^[ -~]{0,30}$/), { maxKeys: 3 });
  const method = fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS');
  const body = fc.oneof(fc.constant(''), fc.json(), fc.string());
  await fc.assert(
    fc.asyncProperty(
      method,
      target,
      query,
      headers,
      body,
      async (verb, path, text, fields, data) => {
        const safe = text.replace(/[^\x21-\x7e]/g, '');
        const reply: TestReply = await send(host, verb, `${path}${safe}`, {
          headers: fields,
          ...(verb === 'GET' || verb === 'HEAD' ? {} : { body: data }),
        });
        return reply.status < 500;
      },
    ),
    { numRuns: 1500 },
  );
  t.same(warnings, []);
  t.ok(await isAlive(host));
});
