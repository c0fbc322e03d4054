import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { digestOf } from '../../src/model/index.ts';
import { downloadFile, type HttpGet } from '../../src/source/index.ts';
import { type Cleanup, failure } from './support.ts';

const signal = new AbortController().signal;

/** The simplest transport of one hop. */
const oneHop: HttpGet = ({ url, headers }) =>
  new Promise((resolve, reject) => {
    get(url, { headers }, (response) =>
      resolve({
        status: response.statusCode ?? 0,
        headers: new Map(
          Object.entries(response.headers).map(([name, value]) => [name, [String(value)]]),
        ),
        body: response,
      }),
    ).on('error', reject);
  });

async function serve(
  t: Cleanup,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const limits = { maxBytes: 1000, reach: 'any' } as const;

t.test('D8 a script over http: 200 and 201 are answers, 404 means it is not there', async (t) => {
  const url = await serve(t, (request, response) => {
    const status = Number(request.url?.slice(1));
    response
      .writeHead(status, { 'content-disposition': 'attachment; filename=../../x' })
      .end('script');
  });
  t.equal(String(await downloadFile(oneHop, { url: `${url}/200`, ...limits }, signal)), 'script');
  t.equal(String(await downloadFile(oneHop, { url: `${url}/201`, ...limits }, signal)), 'script');
  t.equal(await downloadFile(oneHop, { url: `${url}/404`, ...limits }, signal), undefined);
  t.equal(await downloadFile(oneHop, { url: `${url}/410`, ...limits }, signal), undefined);
  t.match(await failure(downloadFile(oneHop, { url: `${url}/403`, ...limits }, signal)), {
    code: 'SOURCE_FETCH_FAILED',
    retryable: false,
  });
  t.match(await failure(downloadFile(oneHop, { url: `${url}/503`, ...limits }, signal)), {
    code: 'SOURCE_FETCH_FAILED',
    retryable: true,
  });
});

t.test('G08 digest and size are checked', async (t) => {
  const url = await serve(t, (_request, response) => response.end('x'.repeat(500)));
  const digest = digestOf(Buffer.from('x'.repeat(500)));
  t.equal((await downloadFile(oneHop, { url, digest, ...limits }, signal))?.length, 500);
  const other = digestOf(Buffer.from('other'));
  t.match(await failure(downloadFile(oneHop, { url, digest: other, ...limits }, signal)), {
    code: 'DIGEST_MISMATCH',
    exitCode: 3,
  });
  t.match(await failure(downloadFile(oneHop, { url, ...limits, maxBytes: 499 }, signal)), {
    code: 'LIMIT_EXCEEDED',
    exitCode: 3,
  });
});

t.test('G08 redirects: a few, to http(s) only, never from https to http', async (t) => {
  const url = await serve(t, (request, response) => {
    const target = decodeURIComponent(request.url?.slice(1) ?? '');
    if (target === '') response.end('here');
    else response.writeHead(302, target === 'none' ? {} : { location: target }).end();
  });
  const through = (target: string) =>
    downloadFile(oneHop, { url: `${url}/${encodeURIComponent(target)}`, ...limits }, signal);
  t.equal(String(await through('/')), 'here');
  for (const target of ['file:///etc/passwd', 'ftp://host/x', 'none', 'http://[bad'])
    t.match(await failure(through(target)), { code: 'SOURCE_FETCH_FAILED' }, target);
  const loop: HttpGet = async (request) => ({
    ...(await oneHop({ ...request, url: new URL(url) })),
    status: 302,
    headers: new Map([['location', [url]]]),
  });
  t.match(await failure(downloadFile(loop, { url, ...limits }, signal)), {
    message: /more than 5 times/,
  });
  const secure: HttpGet = async (request) => ({
    ...(await oneHop({ ...request, url: new URL(url) })),
    status: 301,
    headers: new Map([['location', ['http://elsewhere/']]]),
  });
  t.match(await failure(downloadFile(secure, { url: 'https://host/x', ...limits }, signal)), {
    message: /redirects to a http: address/,
  });
});

t.test('credentials of an address stay with its origin, and out of messages', async (t) => {
  const seen: (string | undefined)[] = [];
  const other = await serve(t, (request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(500).end();
  });
  const first = await serve(t, (request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(302, { location: other }).end();
  });
  const url = first.replace('://', '://user:s3cret@');
  const error = await failure(downloadFile(oneHop, { url, ...limits }, signal));
  t.same(seen, [`Basic ${Buffer.from('user:s3cret').toString('base64')}`, undefined]);
  t.notMatch(JSON.stringify(error), 's3cret');
});

t.test('how far a request may go is handed to the transport, on every hop', async (t) => {
  const reaches: string[] = [];
  const url = await serve(t, (request, response) =>
    request.url === '/' ? response.writeHead(307, { location: '/b' }).end() : response.end('b'),
  );
  const watched: HttpGet = (request) => {
    reaches.push(request.reach);
    return oneHop(request);
  };
  await downloadFile(watched, { url, maxBytes: 10, reach: 'public' }, signal);
  t.same(reaches, ['public', 'public']);
  const refusing: HttpGet = () => Promise.reject(new Error('address out of reach'));
  t.match(await failure(downloadFile(refusing, { url, ...limits }, signal)), {
    code: 'SOURCE_FETCH_FAILED',
    message: /out of reach/,
  });
});
