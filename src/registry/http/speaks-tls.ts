/**
 * Finds out whether a server speaks TLS at all, by a greeting and the first byte of the answer. On loopback, where hardly
 * any registry does, this takes a millisecond; making ready for TLS takes longer than all else at a start.
 */

import { connect } from 'node:net';

/** What answers to a TLS greeting begin with: a handshake, or an alert that refuses it (RFC 5246, section 6.2.1). */
const recordTypes = [22, 21];

/** How long an answer is waited for, in milliseconds; a server that takes longer is asked properly. */
const patience = 1000;

/**
 * Returns false only when the server has answered something that is not TLS. Whoever refuses, is silent or goes away is
 * left to a proper attempt.
 */
export function maySpeakTls(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port, timeout: patience });
  socket
    .on('connect', () => socket.write(clientHello()))
    .on('data', (answer) => resolve(recordTypes.includes(answer[0] ?? 0)))
    .on('timeout', () => resolve(true))
    .on('error', () => resolve(true))
    .on('close', () => resolve(true));
  return promise.finally(() => socket.destroy());
}

/** A greeting of TLS 1.2 with one cipher suite and no extensions (RFC 5246, section 7.4.1.2). */
function clientHello(): Buffer {
  const hello = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, '\r\n'), // random; line ends have an HTTP server answer at once
    Buffer.from([0]), // no session
    Buffer.from([0, 2, 0xc0, 0x2f]),
    Buffer.from([1, 0]), // no compression
  ]);
  const handshake = Buffer.concat([Buffer.from([1, 0, 0, hello.length]), hello]);
  return Buffer.concat([Buffer.from([22, 3, 1, 0, handshake.length]), handshake]);
}
