/**
 * Entry of the agent process (ADR 0006). Started by the client inside the namespaces; serves operations
 * over the IPC channel until that closes, and then ends with everything it started.
 */

import { asBuildError } from '../errors/index.ts';
import { closeInheritedDescriptors } from '../runtime/index.ts';
import { createHandlers } from './handlers.ts';
import type { AgentMessage, ClientMessage } from './protocol.ts';
import { AgentServer } from './server.ts';

function send(message: AgentMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(message, undefined, undefined, (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}

async function start(message: Extract<ClientMessage, { kind: 'start' }>): Promise<AgentServer> {
  const handlers = await createHandlers(message);
  return new AgentServer(handlers, { send });
}

let server: AgentServer | undefined;

closeInheritedDescriptors();
process.umask(0o022);
process.on('message', async (raw) => {
  const message = raw as ClientMessage;
  try {
    if (message.kind === 'start') {
      server = await start(message);
      await send({ kind: 'ready' });
    } else {
      await server?.receive(message);
    }
  } catch (error) {
    await send({ kind: 'failure', id: 0, error: asBuildError(error).toJSON() }).catch(() => {});
  }
});
// The client is gone: nothing that runs here has a purpose any more.
process.on('disconnect', () => {
  server?.abortAll();
  process.exit(0);
});
// Signals of the terminal reach the whole process group; the client decides what they mean.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {});
