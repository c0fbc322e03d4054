/** A forward proxy for tests: absolute-form requests and CONNECT tunnels, with or without a login. */

import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

/** A running proxy. */
export interface TestProxy extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  /** What was asked for: `GET http://host/path` or `CONNECT host:port`. */
  readonly requests: string[];
}

/** How the proxy behaves. */
export interface TestProxyOptions {
  /** The only `user:password` that is let through. */
  readonly login?: string;
  /** Where everything goes, whatever was asked for: names of tests need not exist. */
  readonly target: string;
  /** Refuses tunnels to ports other than 443, as locked-down proxies do. */
  readonly strict?: boolean;
}

/** Starts a proxy on a free loopback port. */
export async function startProxy(options: TestProxyOptions): Promise<TestProxy> {
  const requests: string[] = [];
  const { hostname, port: targetPort } = new URL(options.target);
  const expected =
    options.login === undefined
      ? undefined
      : `Basic ${Buffer.from(options.login).toString('base64')}`;
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    if (expected !== undefined && request.headers['proxy-authorization'] !== expected) {
      response.writeHead(407).end('proxy login needed');
      return;
    }
    const { pathname, search } = new URL(request.url ?? '/');
    const { 'proxy-authorization': _, ...headers } = request.headers;
    const onward = httpRequest(
      {
        host: hostname,
        port: targetPort,
        path: pathname + search,
        method: request.method,
        headers,
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(onward);
    onward.on('error', () => response.destroy());
  });
  server.on('connect', (request, socket) => {
    requests.push(`CONNECT ${request.url}`);
    socket.on('error', () => {});
    if (expected !== undefined && request.headers['proxy-authorization'] !== expected) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    if (options.strict === true && request.url?.endsWith(':443') !== true) {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    const onward = connect(Number(targetPort), hostname, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
