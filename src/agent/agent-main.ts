/**
 * Entry of the agent process (ADR 0006). Started by the client inside the namespaces; serves operations
 * over the IPC channel until that closes, and then ends with everything it started.
 */

import { asBuildError } from '../errors/index.ts';
import { closeInheritedDescriptors } from '../runtime/index.ts';
import { noFailpoint, openStore, parseFailpoints, type Store } from '../store/index.ts';
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

async function start(message: Extract<ClientMessage, { kind: 'start' }>): Promise<void> {
  const failpoints = message.env['S2OCI_AGENT_FAILPOINT'];
  // The first process of a pid namespace cannot kill itself.
  const die = () => process.exit(137);
  const failpoint = failpoints === undefined ? noFailpoint : parseFailpoints(failpoints, die);
  store = await openStore(message.home, { failpoint });
  server = new AgentServer(createHandlers(message, store, failpoint), { send });
  await send({ kind: 'ready' });
}

let store: Store | undefined;
let server: AgentServer | undefined;

closeInheritedDescriptors();
process.umask(0o022);
process.on('message', async (raw) => {
  const message = raw as ClientMessage;
  try {
    await (message.kind === 'start' ? start(message) : server?.receive(message));
  } catch (error) {
    await send({ kind: 'failure', id: 0, error: asBuildError(error).toJSON() }).catch(() => {});
  }
});
// The client is gone: nothing that runs here has a purpose any more.
process.on('disconnect', async () => {
  server?.abortAll();
  await store?.[Symbol.asyncDispose]().catch(() => {});
  process.exit(0);
});
// Signals of the terminal reach the whole process group; the client decides what they mean.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {});
