import t from 'tap';
import { digestOf, mediaTypes } from '../../src/model/index.ts';
import {
  errorCode,
  manifestBytes,
  pushBlob,
  pushManifest,
  send,
  startTestRegistry,
} from './client.ts';

const content = Buffer.from('0123456789');

t.test('the base endpoint says that this is a registry', async (t) => {
  const { host } = await startTestRegistry(t);
  for (const path of ['/v2/', '/v2']) {
    const { status, headers, body } = await send(host, 'GET', path);
    t.equal(status, 200);
    t.equal(headers['docker-distribution-api-version'], 'registry/2.0');
    t.same(JSON.parse(body.toString()), {});
  }
});

t.test('a blob comes back with length, digest and entity tag', async (t) => {
  const { host } = await startTestRegistry(t);
  const { digest } = await pushBlob(host, 'a/b', content);
  for (const method of ['GET', 'HEAD']) {
    const { status, headers, body } = await send(host, method, `/v2/a/b/blobs/${digest}`);
    t.equal(status, 200);
    t.same(body, method === 'GET' ? content : Buffer.alloc(0));
    t.match(headers, {
      'content-length': '10',
      'content-type': 'application/octet-stream',
      'docker-content-digest': digest,
      'accept-ranges': 'bytes',
      etag: `"${digest}"`,
    });
  }
});

t.test('parts of a blob can be asked for', async (t) => {
  const { host } = await startTestRegistry(t);
  const { digest } = await pushBlob(host, 'a', content);
  const get = (range: string, more: Record<string, string> = {}) =>
    send(host, 'GET', `/v2/a/blobs/${digest}`, { headers: { range, ...more } });
  const middle = await get('bytes=2-4');
  t.equal(middle.status, 206);
  t.equal(middle.body.toString(), '234');
  t.match(middle.headers, { 'content-range': 'bytes 2-4/10', 'content-length': '3' });
  t.equal((await get('bytes=7-')).body.toString(), '789');
  t.equal((await get('bytes=-1')).body.toString(), '9');
  const beyond = await get('bytes=10-');
  t.equal(beyond.status, 416);
  t.equal(beyond.headers['content-range'], 'bytes */10');
  t.equal((await get('bytes=2-4', { 'if-range': `"${digest}"` })).status, 206);
  t.equal((await get('bytes=2-4', { 'if-range': '"another"' })).body.toString(), '0123456789');
});

t.test('an empty blob is a blob', async (t) => {
  const { host } = await startTestRegistry(t);
  const { digest } = await pushBlob(host, 'a', '');
  const { status, headers, body } = await send(host, 'GET', `/v2/a/blobs/${digest}`);
  t.same([status, headers['content-length'], body.length], [200, '0', 0]);
});

t.test('content that the client has is not sent again', async (t) => {
  const { host } = await startTestRegistry(t);
  const config = await pushBlob(host, 'a', '{}');
  const bytes = manifestBytes({ config });
  await pushManifest(host, 'a', '1', bytes);
  const headers = { 'if-none-match': `"${digestOf(bytes)}"` };
  const manifest = await send(host, 'GET', '/v2/a/manifests/1', { headers });
  t.same([manifest.status, manifest.body.length], [304, 0]);
  const stale = await send(host, 'GET', '/v2/a/manifests/1', {
    headers: { 'if-none-match': '"x", W/"y"' },
  });
  t.equal(stale.status, 200);
  for (const method of ['GET', 'HEAD']) {
    const blob = await send(host, method, `/v2/a/blobs/${config.digest}`, {
      headers: { 'if-none-match': `W/"${config.digest}"` },
    });
    t.same([blob.status, blob.body.length], [304, 0]);
  }
});

t.test('a manifest comes back byte for byte by tag and digest, whatever is accepted', async (t) => {
  const { host } = await startTestRegistry(t);
  const config = await pushBlob(host, 'a', '{}');
  const bytes = Buffer.from(` ${manifestBytes({ config, unknown: [1, 'x'] })}\n`);
  const digest = digestOf(bytes);
  await pushManifest(host, 'a', '1', bytes);
  for (const reference of ['1', digest]) {
    for (const accept of ['*/*', 'text/plain', mediaTypes.dockerManifest]) {
      const path = `/v2/a/manifests/${reference}`;
      const { status, headers, body } = await send(host, 'GET', path, { headers: { accept } });
      t.equal(status, 200);
      t.same(body, bytes);
      t.equal(headers['content-type'], mediaTypes.ociManifest);
      t.equal(headers['docker-content-digest'], digest);
    }
    const head = await send(host, 'HEAD', `/v2/a/manifests/${reference}`);
    t.same([head.status, head.headers['content-length']], [200, String(bytes.length)]);
  }
});

t.test('what is in one repository is not in another', async (t) => {
  const { host } = await startTestRegistry(t);
  const { digest } = await pushBlob(host, 'a', content);
  for (const repository of ['b', 'a/b']) {
    const reply = await send(host, 'GET', `/v2/${repository}/blobs/${digest}`);
    t.same([reply.status, errorCode(reply)], [404, 'BLOB_UNKNOWN']);
  }
  const manifest = await send(host, 'GET', '/v2/a/manifests/1');
  t.same([manifest.status, errorCode(manifest)], [404, 'MANIFEST_UNKNOWN']);
  const invalid = await send(host, 'GET', '/v2/a/manifests/.no-tag');
  t.same([invalid.status, errorCode(invalid)], [404, 'MANIFEST_UNKNOWN']);
});
