/** The channel between client and agent: every request is answered exactly once, whatever happens. */

import { fork } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { AgentProcess } from '../../src/agent/client.ts';
import type { AgentMessage } from '../../src/agent/protocol.ts';
import { AgentServer, type OperationHandlers } from '../../src/agent/server.ts';
import { BuildError } from '../../src/errors/index.ts';

const unused = () => Promise.reject(new Error('not part of this test'));

function handlers(some: Partial<OperationHandlers>): OperationHandlers {
  const names = [
    'prepareRootfs',
    'openWorkspace',
    'closeWorkspace',
    'readFiles',
    'placeTree',
    'placeArchive',
    'chooseRuntime',
    'run',
    'capture',
    'removeTree',
  ];
  return {
    ...Object.fromEntries(names.map((name) => [name, unused])),
    ...some,
  } as OperationHandlers;
}

function serve(some: Partial<OperationHandlers>) {
  const sent: AgentMessage[] = [];
  const server = new AgentServer(handlers(some), {
    send: async (message) => void sent.push(message),
  });
  return { server, sent };
}

t.test('a result is sent back under the id of its request', async (t) => {
  const { server, sent } = serve({ removeTree: async () => undefined });
  await server.receive({ kind: 'request', id: 7, operation: 'removeTree', input: { path: '/x' } });
  t.same(sent, [{ kind: 'reply', id: 7, value: undefined }]);
});

t.test('an expected error crosses with code, exit code and advice', async (t) => {
  const { server, sent } = serve({
    removeTree: () =>
      Promise.reject(new BuildError('NO_SPACE', 'disk full', { suggestion: 'buy one' })),
  });
  await server.receive({ kind: 'request', id: 1, operation: 'removeTree', input: { path: '/x' } });
  t.match(sent[0], {
    kind: 'failure',
    id: 1,
    error: { code: 'NO_SPACE', exitCode: 12, suggestion: 'buy one' },
  });
});

t.test('an unknown operation and a thrown bug are failures, not silence', async (t) => {
  const { server, sent } = serve({ removeTree: () => Promise.reject(new TypeError('bug')) });
  await server.receive({ kind: 'request', id: 1, operation: 'removeTree', input: {} });
  await server.receive({ kind: 'request', id: 2, operation: 'nonsense' as 'run', input: {} });
  t.match(sent, [
    { kind: 'failure', id: 1, error: { code: 'INTERNAL' } },
    { kind: 'failure', id: 2, error: { code: 'INTERNAL' } },
  ]);
});

t.test('abort reaches the operation that it names and no other', async (t) => {
  const aborted: string[] = [];
  const wait = (name: string, signal: AbortSignal) =>
    new Promise<undefined>((resolve) => {
      signal.addEventListener('abort', () => {
        aborted.push(name);
        resolve(undefined);
      });
    });
  const { server } = serve({
    removeTree: ({ path }, { signal }) => wait(path, signal),
  });
  const first = server.receive({
    kind: 'request',
    id: 1,
    operation: 'removeTree',
    input: { path: 'first' },
  });
  void server.receive({
    kind: 'request',
    id: 2,
    operation: 'removeTree',
    input: { path: 'second' },
  });
  await server.receive({ kind: 'abort', id: 1 });
  await first;
  t.same(aborted, ['first']);
  server.abortAll();
  t.same(aborted, ['first', 'second']);
});

t.test('when the agent dies every open call fails at once', async (t) => {
  const entry = join(t.testdir(), 'agent.mjs');
  await writeFile(
    entry,
    `process.on('message', (m) => {
      if (m.kind === 'start') process.send({ kind: 'ready' });
      if (m.kind === 'request') process.exit(3);
    });`,
  );
  const child = fork(entry, {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const idMapping = { kind: 'single', key: 'single' } as const;
  const agent = await AgentProcess.connect(child, {
    home: '/',
    stateDirectory: '/',
    env: {},
    program: [],
    idMapping,
  });
  await t.rejects(agent.call('removeTree', { path: '/x' }), {
    code: 'RUNTIME_FAILED',
    message: /exit code 3/,
  });
  await t.rejects(
    agent.call('removeTree', { path: '/x' }),
    { code: 'RUNTIME_FAILED' },
    'later calls fail too',
  );
  await agent[Symbol.asyncDispose]();
});
