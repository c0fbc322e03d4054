/** A socket in the sandbox leads to the agent of the user, wherever both lie. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { forwardAgent } from '../../src/agent/mounts/ssh-agent.ts';
import { run } from '../support/as-user.ts';

t.test('answers of the agent cross, also from a path longer than a socket may have', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 's2oci-agent-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const deep = join(directory, 'd'.repeat(100));
  await mkdir(deep);
  const socket = join(deep, 'agent');
  const agent = spawn('ssh-agent', ['-D', '-a', 'agent'], { stdio: 'ignore', cwd: deep });
  t.teardown(() => {
    agent.kill();
    return once(agent, 'exit');
  });
  while (!(await stat(socket).catch(() => undefined))) await sleep(10);
  await run('ssh-keygen', [
    '-q',
    '-t',
    'ed25519',
    '-N',
    '',
    '-C',
    'canary',
    '-f',
    join(directory, 'k'),
  ]);
  const list = (path: string) => run('ssh-add', ['-l'], { env: { SSH_AUTH_SOCK: path } });
  const forwarded = await forwardAgent(socket, { path: deep });
  const [short, direct] = [join(directory, 's'), join(directory, 'd')];
  await symlink(forwarded.path, short);
  await symlink(socket, direct);
  t.match((await list(short)).stdout, 'no identities');
  await run('ssh-add', ['-q', join(directory, 'k')], { env: { SSH_AUTH_SOCK: direct } });
  t.match((await list(short)).stdout, 'canary');
  await forwarded[Symbol.asyncDispose]();
  t.match(
    (await list(short)).stderr,
    /refused|No such file|connecting/i,
    'and no longer than it should',
  );
});

t.test('where no agent answers the message says so', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 's2oci-agent-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const attempt = forwardAgent(join(directory, 'nobody'), { path: directory });
  await t.rejects(attempt, { code: 'USAGE_INVALID', message: /no ssh agent answers/ });
});
