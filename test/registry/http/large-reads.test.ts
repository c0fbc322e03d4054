/** Large reads: the bytes are those that were sent, pieces share no memory, and a full reader stops the sender. */

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import {
  type AddressInfo,
  connect,
  createServer,
  type OnReadOpts,
  type Server,
  type Socket,
} from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectByTls, createServer as createTlsServer } from 'node:tls';
import t, { type Test } from 'tap';
import { largeReads } from '../../../src/registry/http/large-reads.ts';
import { makeCertificate } from '../../support/certificate.ts';

/** No part of it is as another. */
const content = Buffer.from(Uint32Array.from({ length: 5_000_000 }, (_, i) => i).buffer);
const memorySize = 2 ** 20;

type Serve = (socket: Socket) => void;

/** A socket that reads what `serve` sends. */
async function connected(t: Test, serve: Serve): Promise<Socket> {
  const port = await listening(t, createServer(serve));
  const socket: Socket = connect({ port, host: '127.0.0.1', onread: reads(() => socket) });
  t.teardown(() => socket.destroy());
  return socket;
}

/** The same with TLS. */
async function connectedByTls(t: Test, serve: Serve): Promise<Socket> {
  const { certFile, keyFile } = await makeCertificate(t.testdir(), 'server');
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  const port = await listening(t, createTlsServer({ cert, key }, serve));
  // Node's types do not know the option here.
  const options = {
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    onread: reads(() => socket),
  };
  const socket: Socket = connectByTls(options);
  t.teardown(() => socket.destroy());
  return socket;
}

function reads(socketOf: () => Socket): OnReadOpts {
  return largeReads(socketOf, () => Buffer.allocUnsafeSlow(memorySize));
}

async function listening(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
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

t.test('records of TLS come together', async (t) => {
  const socket = await connectedByTls(t, (peer) => peer.end(content));
  await sleep(200);
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece);
  t.ok(Buffer.concat(pieces).equals(content));
  const mean = content.length / pieces.length;
  t.ok(mean > 65_536, `${mean} bytes are a piece`);
  t.equal(new Set(pieces.map(({ buffer }) => buffer)).size, pieces.length, 'each its own memory');
});

for (const [way, open] of Object.entries({ connected, connectedByTls })) {
  t.test(`${way}: whatever is sent when, nothing is lost, not even before the end`, async (t) => {
    const sizes = [1, 70_000, 5, 600_000, 16_384, memorySize, 3, 250_000, 900_000, 7, 400_000, 2];
    const sent = content.subarray(0, sizes.reduce((sum, size) => sum + size, 0) * 2);
    const socket = await open(t, async (peer) => {
      for (let at = 0, i = 0; at < sent.length; i += 1) {
        const size = sizes[i % sizes.length] ?? 1;
        const part = sent.subarray(at, at + size);
        at += size;
        if (at < sent.length) peer.write(part);
        else peer.end(part);
        if (i % 3 === 0) await sleep(i);
      }
    });
    const pieces: Buffer[] = [];
    for await (const piece of socket) {
      pieces.push(Buffer.from(piece));
      // A reader that looks at a piece later sees no other bytes in it.
      piece.fill(0);
      if (pieces.length % 4 === 0) await sleep(3);
    }
    t.ok(Buffer.concat(pieces).equals(sent));
  });

  t.test(`${way}: a socket that is destroyed passes nothing on`, async (t) => {
    const socket = await open(t, (peer) => {
      peer.on('error', () => {});
      peer.write(content);
    });
    await once(socket, 'data');
    socket.destroy();
    socket.on('data', () => t.fail('it is over'));
    await sleep(50);
  });
}

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
