import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { digestOf } from '../../src/model/index.ts';
import { errorCode, pushBlob, send, start, startTestRegistry, type TestReply } from './client.ts';

const content = randomBytes(300_000);
const digest = digestOf(content);
const sha512 = digestOf(content, 'sha512');

async function openSession(host: string, repository = 'a', query = ''): Promise<string> {
  const { headers, status } = await send(host, 'POST', `/v2/${repository}/blobs/uploads/${query}`);
  if (status !== 202) throw new Error(`a session was answered with ${status}`);
  return headers.location ?? '';
}

async function download(host: string, repository: string, name: string): Promise<Buffer> {
  return (await send(host, 'GET', `/v2/${repository}/blobs/${name}`)).body;
}

function assertCreated(t: Test, reply: TestReply, repository: string, name: string) {
  t.equal(reply.status, 201);
  t.equal(reply.headers.location, `/v2/${repository}/blobs/${name}`);
  t.equal(reply.headers['docker-content-digest'], name);
}

t.test('a blob goes up in one PUT, in sha256 and in sha512', async (t) => {
  const { host } = await startTestRegistry(t);
  for (const name of [digest, sha512]) {
    const location = await openSession(host);
    const reply = await send(host, 'PUT', `${location}?digest=${name}`, { body: content });
    assertCreated(t, reply, 'a', name);
    t.same(await download(host, 'a', name), content);
  }
});

t.test('a blob goes up in a single POST', async (t) => {
  const directory = t.testdir();
  const { host } = await startTestRegistry(t, { directory });
  const path = `/v2/a/blobs/uploads/?digest=${digest}`;
  assertCreated(t, await send(host, 'POST', path, { body: content }), 'a', digest);
  const wrong = await send(host, 'POST', path, { body: 'something else' });
  t.same([wrong.status, errorCode(wrong)], [400, 'DIGEST_INVALID']);
  t.same(await readdir(join(directory, 'uploads')), [], 'no session is left');
});

t.test('a blob goes up in one stream of unknown length', async (t) => {
  const { host } = await startTestRegistry(t);
  const location = await openSession(host, 'a', '?digest-algorithm=sha512');
  const request = start(host, 'PATCH', location, { 'Transfer-Encoding': 'chunked' });
  for (let at = 0; at < content.length; at += 50_000)
    request.write(content.subarray(at, at + 50_000));
  request.end();
  const [response] = await once(request, 'response');
  t.equal(response.statusCode, 202);
  t.equal(response.headers.range, `0-${content.length - 1}`);
  response.resume();
  assertCreated(t, await send(host, 'PUT', `${location}?digest=${sha512}`), 'a', sha512);
});

t.test('a blob goes up in chunks, the last one with the closing PUT', async (t) => {
  const { host } = await startTestRegistry(t);
  const location = await openSession(host);
  const first = await send(host, 'PATCH', location, {
    headers: { 'Content-Range': '0-99999' },
    body: content.subarray(0, 100_000),
  });
  t.same([first.status, first.headers.range], [202, '0-99999']);
  const state = await send(host, 'GET', location);
  t.same([state.status, state.headers.range, state.headers.location], [204, '0-99999', location]);
  const last = await send(host, 'PUT', `${location}?digest=${digest}`, {
    headers: { 'Content-Range': '100000-299999' },
    body: content.subarray(100_000),
  });
  assertCreated(t, last, 'a', digest);
  t.same(await download(host, 'a', digest), content);
  const gone = await send(host, 'GET', location);
  t.same([gone.status, errorCode(gone)], [404, 'BLOB_UPLOAD_UNKNOWN']);
});

t.test('a chunk out of order is refused with the place to go on from', async (t) => {
  const { host } = await startTestRegistry(t);
  const location = await openSession(host);
  const patch = (range: string, body: Uint8Array | string, method = 'PATCH', query = '') =>
    send(host, method, `${location}${query}`, { headers: { 'Content-Range': range }, body });
  t.equal((await patch('0-9', '0123456789')).status, 202);
  for (const range of ['0-9', '11-20', '5-14']) {
    const refused = await patch(range, '0123456789');
    t.same([refused.status, refused.headers.range], [416, '0-9'], range);
  }
  const closing = await patch('20-29', '0123456789', 'PUT', `?digest=${digest}`);
  t.equal(closing.status, 416);
  t.same([(await patch('10-19', 'short')).status], [400], 'Content-Length says something else');
  t.same([(await patch('bytes 10-19/*', '0123456789')).status], [400], 'not the form of the spec');
  const rest = digestOf('0123456789abc');
  t.equal((await patch('10-12', 'abc', 'PUT', `?digest=${rest}`)).status, 201);
});

t.test('an upload whose content is not what it says leaves nothing', async (t) => {
  const directory = t.testdir();
  const { host } = await startTestRegistry(t, { directory });
  const location = await openSession(host);
  const reply = await send(host, 'PUT', `${location}?digest=${digest}`, { body: 'other' });
  t.same([reply.status, errorCode(reply)], [400, 'DIGEST_INVALID']);
  t.equal((await send(host, 'HEAD', `/v2/a/blobs/${digest}`)).status, 404);
  t.same(await readdir(join(directory, 'uploads')), []);
  for (const query of ['', '?digest=', '?digest=sha256:short', '?digest=md5:00']) {
    const path = await openSession(host);
    const refused = await send(host, 'PUT', `${path}${query}`, { body: content });
    t.same([refused.status, errorCode(refused)], [400, 'DIGEST_INVALID'], query);
  }
  const algorithm = await send(host, 'POST', '/v2/a/blobs/uploads/?digest-algorithm=md5');
  t.same([algorithm.status, errorCode(algorithm)], [400, 'DIGEST_INVALID']);
});

t.test('a connection that breaks off leaves a session that can go on', async (t) => {
  const { host } = await startTestRegistry(t);
  const location = await openSession(host);
  const request = start(host, 'PATCH', location, { 'Content-Length': String(content.length) });
  request.on('error', () => {});
  request.write(content.subarray(0, 200_000));
  const received = async () => {
    const { headers } = await send(host, 'GET', location);
    return Number(headers.range?.split('-')[1]) + 1;
  };
  while ((await received()) < 200_000) await sleep(10);
  request.destroy();
  const offset = await received();
  t.equal(offset, 200_000);
  const reply = await send(host, 'PATCH', location, {
    headers: { 'Content-Range': `${offset}-${content.length - 1}` },
    body: content.subarray(offset),
  });
  t.equal(reply.status, 202);
  assertCreated(t, await send(host, 'PUT', `${location}?digest=${digest}`), 'a', digest);
});

t.test('a single POST that breaks off leaves nothing', async (t) => {
  const directory = t.testdir();
  const { host } = await startTestRegistry(t, { directory });
  const path = `/v2/a/blobs/uploads/?digest=${digest}`;
  const request = start(host, 'POST', path, { 'Content-Length': String(content.length) });
  request.on('error', () => {});
  request.write(content.subarray(0, 200_000));
  const sessions = () => readdir(join(directory, 'uploads'));
  while ((await sessions()).length === 0) await sleep(10);
  request.destroy();
  while ((await sessions()).length > 0) await sleep(10);
  t.equal((await send(host, 'HEAD', `/v2/a/blobs/${digest}`)).status, 404);
});

t.test('a session can be given up', async (t) => {
  const { host } = await startTestRegistry(t);
  const location = await openSession(host);
  await send(host, 'PATCH', location, { body: content });
  t.equal((await send(host, 'DELETE', location)).status, 204);
  for (const method of ['GET', 'DELETE', 'PATCH', 'PUT']) {
    const reply = await send(host, method, `${location}?digest=${digest}`);
    t.equal(reply.status, 404, method);
  }
});

t.test('a session belongs to one repository', async (t) => {
  const { host } = await startTestRegistry(t);
  const location = await openSession(host, 'a');
  const elsewhere = location.replace('/v2/a/', '/v2/b/');
  const reply = await send(host, 'PUT', `${elsewhere}?digest=${digest}`, { body: content });
  t.same([reply.status, errorCode(reply)], [404, 'BLOB_UPLOAD_UNKNOWN']);
});

t.test('a blob is mounted from a repository that holds it, or from any', async (t) => {
  const directory = t.testdir();
  const { host } = await startTestRegistry(t, { directory });
  await pushBlob(host, 'a', content);
  const mount = (repository: string, query: string) =>
    send(host, 'POST', `/v2/${repository}/blobs/uploads/?mount=${digest}${query}`);
  assertCreated(t, await mount('b', '&from=a'), 'b', digest);
  assertCreated(t, await mount('c', ''), 'c', digest);
  assertCreated(t, await mount('b', '&from=a'), 'b', digest);
  for (const query of ['&from=nobody', '&from=..%2F..', '&from=']) {
    const reply = await mount('d', query);
    t.equal(reply.status, 202, `an upload begins instead: ${query}`);
    t.match(reply.headers.location, /^\/v2\/d\/blobs\/uploads\//);
  }
  t.equal((await send(host, 'HEAD', `/v2/d/blobs/${digest}`)).status, 404);
  const contents = await readdir(join(directory, 'blobs/sha256'));
  t.same(contents, [digest.slice('sha256:'.length)], 'the content is on the disk once');
});

t.test('content goes away with the last repository that holds it', async (t) => {
  const directory = t.testdir();
  const { host } = await startTestRegistry(t, { directory });
  await pushBlob(host, 'a', content);
  await send(host, 'POST', `/v2/b/blobs/uploads/?mount=${digest}&from=a`);
  t.equal((await send(host, 'DELETE', `/v2/a/blobs/${digest}`)).status, 202);
  t.equal((await send(host, 'DELETE', `/v2/a/blobs/${digest}`)).status, 404);
  t.same(await download(host, 'b', digest), content);
  t.equal((await send(host, 'DELETE', `/v2/b/blobs/${digest}`)).status, 202);
  t.same(await readdir(join(directory, 'blobs/sha256')), []);
});

t.test('many clients may push the same and different blobs at once', async (t) => {
  const { host } = await startTestRegistry(t);
  const bodies = Array.from({ length: 10 }, (_, i) => createHash('sha512').update(`${i}`).digest());
  const uploads = Array.from({ length: 50 }, (_, i) =>
    pushBlob(host, `r${i % 3}`, bodies[i % 10] ?? ''),
  );
  for (const { digest: name } of await Promise.all(uploads)) {
    const held = await Promise.all(['r0', 'r1', 'r2'].map((r) => download(host, r, name)));
    t.ok(held.some((body) => digestOf(body) === name));
  }
});

t.test('two writers of one session take turns', async (t) => {
  const { host } = await startTestRegistry(t);
  const location = await openSession(host);
  const half = content.length / 2;
  const send1 = send(host, 'PATCH', location, { body: content.subarray(0, half) });
  const send2 = send(host, 'PATCH', location, { body: content.subarray(0, half) });
  t.same(
    (await Promise.all([send1, send2])).map(({ status }) => status),
    [202, 202],
  );
  const both = digestOf(Buffer.concat([content.subarray(0, half), content.subarray(0, half)]));
  t.equal((await send(host, 'PUT', `${location}?digest=${both}`)).status, 201);
});
