/**
 * The thread on which large contents are hashed: takes pieces of shared memory, many contents at a time,
 * and says when each piece may be used again.
 */

import { createHash, type Hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import type { HashReply, HashRequest } from './hash-threads.ts';

const hashes = new Map<number, Hash>();

parentPort?.on('message', (request: HashRequest) => {
  const { job } = request;
  switch (request.kind) {
    case 'start':
      hashes.set(job, createHash(request.algorithm));
      return;
    case 'update':
      hashes.get(job)?.update(request.bytes);
      reply({ job });
      return;
    case 'end':
      reply({ job, hex: hashes.get(job)?.digest('hex') ?? '' });
      hashes.delete(job);
      return;
    case 'drop':
      hashes.delete(job);
  }
});

function reply(message: HashReply): void {
  parentPort?.postMessage(message);
}
