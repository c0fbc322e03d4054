/**
 * The thread on which large contents are written and hashed: takes chunks of many contents, one after the other, and
 * says when each is done.
 */

import { createHash, type Hash } from 'node:crypto';
import { writeSync, writevSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { transferable } from './spent.ts';
import type { WriteReply, WriteRequest } from './write-threads.ts';

const hashes = new Map<number, Hash>();

parentPort?.on('message', (request: WriteRequest) => {
  const { job } = request;
  switch (request.kind) {
    case 'start':
      hashes.set(job, createHash(request.algorithm));
      return;
    case 'write':
      reply({ job, ...write(request.fd, request.chunks, hashes.get(job)) });
      return;
    case 'end':
      reply({ job, hex: hashes.get(job)?.digest('hex') ?? '' });
      hashes.delete(job);
      return;
    case 'drop':
      hashes.delete(job);
  }
});

function write(
  fd: number,
  chunks: readonly Uint8Array[],
  hash: Hash | undefined,
): Pick<WriteReply, 'failure'> {
  try {
    for (const chunk of chunks) hash?.update(chunk);
    writeAll(fd, chunks);
    return {};
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { failure: { code, message } };
  } finally {
    // The collector would find them too late.
    for (const buffer of transferable(chunks)) buffer.transfer(0);
  }
}

function writeAll(fd: number, chunks: readonly Uint8Array[]): void {
  let skip = writevSync(fd, chunks);
  for (const chunk of chunks) {
    const from = Math.min(skip, chunk.length);
    skip -= from;
    for (let at = from; at < chunk.length; ) at += writeSync(fd, chunk, at);
  }
}

function reply(message: WriteReply): void {
  parentPort?.postMessage(message);
}
