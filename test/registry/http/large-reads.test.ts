/** Large reads: the bytes are those that were sent, pieces share no memory, and a full reader stops the sender. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { largeReads } from '../../../src/registry/http/large-reads.ts';

const content = Buffer.alloc(20_000_000, 'what is sent, again and again; ');

/** A socket that reads what `serve` sends. */
async function connected(t: Test, serve: (socket: Socket) => void) {
  const server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const socket: Socket = connect({
    port,
    host: '127.0.0.1',
    onread: largeReads(
      () => socket,
      () => Buffer.allocUnsafeSlow(2 ** 20),
    ),
  });
  t.teardown(() => socket.destroy());
  return socket;
}

t.test('all bytes arrive, in pieces that are large when there is much to read', async (t) => {
  const socket = await connected(t, (peer) => peer.end(content));
  await sleep(200); // until there is much to read
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece);
  t.ok(Buffer.concat(pieces).equals(content));
  t.ok(pieces.some(({ length }) => length > 65_536));
  t.equal(new Set(pieces.map(({ buffer }) => buffer)).size, pieces.length, 'each its own memory');
});

t.test('small pieces hold on to no large memory', async (t) => {
  const socket = await connected(t, (peer) => peer.write('small'));
  const [piece] = await once(socket, 'data');
  t.equal(String(piece), 'small');
  t.equal(piece.buffer.byteLength, 5);
});

t.test('a reader that waits has the sender wait', async (t) => {
  const peers: Socket[] = [];
  const socket = await connected(t, (peer) => {
    peers.push(peer.on('error', () => {}));
    peer.write(Buffer.alloc(200_000_000));
  });
  await once(socket, 'readable');
  await sleep(500);
  t.ok(socket.readableLength < 2_000_000);
  t.ok((peers[0]?.writableLength ?? 0) > 0, 'not all of it has been taken');
});
