/**
 * Leads connections from a socket in the sandbox to the user's ssh agent. The agent's own socket lets nobody but
 * its owner connect, whom most scripts are not; and keys stay where they are: only answers cross.
 */

import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { BuildError } from '../../errors/index.ts';
import type { MemoryDirectory } from './memory-directory.ts';

/** A socket that forwards; disposing closes it with all connections. */
export interface ForwardedAgent extends AsyncDisposable {
  readonly path: string;
}

/**
 * Makes a socket in a private directory that leads to the one of an agent.
 *
 * @throws BuildError `USAGE_INVALID` when nobody answers there
 */
export async function forwardAgent(
  socket: string,
  directory: Pick<MemoryDirectory, 'path'>,
): Promise<ForwardedAgent> {
  const descriptor = openDirectory(dirname(socket));
  const agentPath = throughDescriptor(descriptor, basename(socket));
  await tryAgent(socket, agentPath).catch((error) => {
    closeSync(descriptor);
    throw error;
  });
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const agent = connect(agentPath);
    connectBoth(client, agent);
    for (const end of [client, agent]) {
      open.add(end);
      end.once('close', () => open.delete(end));
    }
  });
  const name = `agent-${randomBytes(8).toString('hex')}`;
  await listen(server, directory.path, name);
  return {
    path: join(directory.path, name),
    [Symbol.asyncDispose]: async () => {
      for (const end of open) end.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      closeSync(descriptor);
    },
  };
}

function connectBoth(one: Socket, other: Socket): void {
  one.once('error', () => other.destroy()).pipe(other);
  other.once('error', () => one.destroy()).pipe(one);
}

async function listen(server: Server, directory: string, name: string): Promise<void> {
  const descriptor = openDirectory(directory);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(throughDescriptor(descriptor, name), resolve);
  await promise.finally(() => closeSync(descriptor));
}

async function tryAgent(socket: string, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const attempt = connect(path);
  attempt.once('connect', resolve);
  attempt.once('error', reject);
  await promise.catch((error: NodeJS.ErrnoException) => {
    throw new BuildError('USAGE_INVALID', `no ssh agent answers at ${socket}: ${error.code}`, {
      suggestion: 'start one and set SSH_AUTH_SOCK, or name a key: --ssh default=/path/to/key',
    });
  });
  attempt.destroy();
}

function openDirectory(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
}

/** The name of a socket has at most 107 bytes (unix(7)); paths of the store may be longer. */
function throughDescriptor(descriptor: number, name: string): string {
  return `/proc/self/fd/${descriptor}/${name}`;
}
