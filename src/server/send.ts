/** Puts replies on the wire, and ends the requests whose bodies nobody read. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Reply } from './reply.ts';
import type { Traffic } from './stats.ts';

/** How long a client may go on sending a body that was refused before it is cut off. */
const lingering = 2_000;

/** Sends a reply; rejects when the connection breaks or the content cannot be read. */
export async function sendReply(
  reply: Reply,
  request: IncomingMessage,
  response: ServerResponse,
  traffic: Traffic,
): Promise<void> {
  const { status, headers = {}, body } = reply;
  const empty = body === undefined && status !== 304 && request.method !== 'HEAD' && status !== 204;
  response.writeHead(status, {
    ...headers,
    ...(empty ? { 'Content-Length': '0' } : {}),
    ...(request.complete ? {} : { Connection: 'close' }),
    'Docker-Distribution-Api-Version': 'registry/2.0',
    'X-Content-Type-Options': 'nosniff',
  });
  discardRest(request);
  if (body === undefined || request.method === 'HEAD') {
    response.end();
  } else if (body instanceof Uint8Array) {
    response.end(body);
    traffic.sent += body.length;
  } else {
    try {
      await pipeline(body, response);
    } finally {
      traffic.sent += body.bytesRead;
    }
  }
}

/**
 * Reads what is left of a body for a while: closing a socket that holds unread bytes resets the
 * connection, and the client might never see the reply that says why.
 */
function discardRest(request: IncomingMessage): void {
  if (request.complete) return;
  request.on('error', () => {});
  request.resume();
  const timer = setTimeout(() => request.socket.destroy(), lingering);
  request.once('close', () => clearTimeout(timer));
}
