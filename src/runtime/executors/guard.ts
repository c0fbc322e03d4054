/**
 * Ends a container when this process dies before it does, for runtimes whose containers outlive them and
 * that cannot be put in a pid namespace (rootless.md B2: SIGKILL of `runc run` leaves the container).
 */

import { spawn } from 'node:child_process';
import type { RuntimeDeps } from '../deps.ts';
import { helperEnvironment } from '../machine/helper.ts';

/**
 * Starts a process that waits for the end of its input and then runs a command. Disposing calls it off.
 * It has a session of its own, so that nothing but its input tells it that we are gone.
 */
export function startGuard(deps: RuntimeDeps, command: readonly string[]): AsyncDisposable {
  const script = 'read -r _ || exec "$@"';
  const guard = spawn(deps.tools.find('sh') ?? '/bin/sh', ['-c', script, 'sh', ...command], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { ...helperEnvironment },
    detached: true,
  });
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  guard.once('exit', () => resolve());
  guard.once('error', () => resolve());
  guard.stdin.on('error', () => {});
  return {
    [Symbol.asyncDispose]: async () => {
      guard.stdin.end('called off\n');
      await ended;
    },
  };
}
