/** Bodies come piece by piece, as large as they were read, and whoever has enough of one ends its connection. */

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { Agent, type Dispatcher } from 'undici';
import { dispatch } from '../../../src/registry/http/dispatch.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Sends requests to a server of the test. */
async function served(t: Test, listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const agent = new Agent();
  t.teardown(async () => {
    await agent.destroy();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return (signal: AbortSignal = new AbortController().signal) =>
    dispatch(agent, { origin: `http://127.0.0.1:${port}`, path: '/', method: 'GET' }, signal);
}

const content = Buffer.alloc(8_000_000, 'what is sent, again and again; ');

t.test('head and body, after what is no answer yet', async (t) => {
  const get = await served(t, (_request, response) => {
    response.writeEarlyHints({ link: '</x>; rel=preload' });
    response.writeHead(418, { 'X-Twice': ['a', 'b'], 'X-Once': 'c' }).end(content);
  });
  const { status, headers, body } = await get();
  t.equal(status, 418);
  t.match(headers, { 'x-twice': ['a', 'b'], 'x-once': 'c' });
  t.ok((await buffer(body)).equals(content));
});

t.test('pieces are those that undici has, one at a time, but for empty ones', async (t) => {
  const pieces = ['a', 'bc', '', 'd'].map((text) => Buffer.from(text));
  const given = [...pieces];
  let pauses = 0;
  let handler: Dispatcher.DispatchHandler | undefined;
  const undici = {
    paused: false,
    pause: () => {
      pauses += 1;
      undici.paused = true;
    },
    resume: () => {
      undici.paused = false;
      while (!undici.paused && given.length > 0)
        handler?.onResponseData?.(undici, given.shift() as Buffer<ArrayBuffer>);
      if (given.length === 0) handler?.onResponseEnd?.(undici, {});
    },
  } as Writable<Dispatcher.DispatchController>;
  const dispatcher = {
    dispatch: (_: unknown, its: Dispatcher.DispatchHandler) => {
      handler = its;
      its.onRequestStart?.(undici, {});
      its.onResponseStart?.(undici, 200, {});
      return true;
    },
  } as unknown as Dispatcher;
  const options = { origin: 'http://registry.test', path: '/', method: 'GET' } as const;
  const { body } = await dispatch(dispatcher, options, new AbortController().signal);
  const read: number[] = [];
  for await (const piece of body) read.push(pieces.indexOf(piece));
  t.same(read, [0, 1, 3]);
  t.equal(pauses, 3);
});

t.test('a reader that waits has the server wait', async (t) => {
  let unsent = 0;
  const get = await served(t, (_request, response) => {
    response.end(Buffer.alloc(100_000_000));
    setTimeout(() => {
      unsent = response.writableLength;
    }, 400);
  });
  const { body } = await get();
  await sleep(500);
  t.ok(unsent > 10_000_000, `${unsent} bytes wait at the server`);
  body.destroy();
});

t.test('an answer without a body ends', async (t) => {
  const get = await served(t, (_request, response) => response.writeHead(204).end());
  const { status, body } = await get();
  t.equal(status, 204);
  t.equal((await buffer(body)).length, 0);
});

t.test('the signal ends a request that has no answer, with its reason', async (t) => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const get = await served(t, () => controller.abort(reason));
  await t.rejects(get(controller.signal), reason);
  await t.rejects(get(controller.signal), reason, 'one that was aborted before as well');
});

t.test('the signal ends a body, and is not listened to afterwards', async (t) => {
  const controller = new AbortController();
  const get = await served(t, (_request, response) => response.write(content));
  const { body } = await get(controller.signal);
  const reading = buffer(body);
  controller.abort(new Error('enough'));
  await t.rejects(reading, { message: 'enough' });

  const whole = await served(t, (_request, response) => response.end('x'));
  const later = new AbortController();
  const answer = await whole(later.signal);
  await buffer(answer.body);
  later.abort(new Error('too late'));
  t.equal(answer.body.errored, null);
});

t.test('whoever has enough of a body ends its connection', async (t) => {
  const closed = Promise.withResolvers<void>();
  const get = await served(t, (_request, response) => {
    response.on('close', closed.resolve);
    response.write(content);
  });
  const { body } = await get();
  for await (const _ of body) break;
  t.equal(body.destroyed, true);
  await closed.promise;
});

t.test('a cut is an error for whoever reads, now or later, and for nobody else', async (t) => {
  const get = await served(t, (_request, response) => {
    response.writeHead(200, { 'content-length': 10 }).write('12345');
    setTimeout(() => response.destroy(), 50);
  });
  await t.rejects(buffer((await get()).body), { code: 'UND_ERR_SOCKET' });
  const { body } = await get();
  await new Promise((resolve) => body.once('close', resolve));
  await t.rejects(buffer(body));
});

t.test('a server that is not there', async (t) => {
  const agent = new Agent();
  t.teardown(() => agent.destroy());
  const options = { origin: 'http://127.0.0.1:1', path: '/', method: 'GET' } as const;
  await t.rejects(dispatch(agent, options, new AbortController().signal), { code: 'ECONNREFUSED' });
  await agent.destroy();
  await t.rejects(dispatch(agent, options, new AbortController().signal), {
    code: 'UND_ERR_DESTROYED',
  });
});
