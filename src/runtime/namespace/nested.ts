/**
 * Makes a user namespace in which every id of the agent's own means the same, owned by one chosen user.
 *
 * bubblewrap can enter a namespace it is given, but only as the namespace's owner and without changing
 * its user. A short-lived holder process makes the namespace as that user; the agent, which is root
 * here, writes the maps; the namespace lives on through the open descriptor.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import type { RuntimeDeps } from '../deps.ts';
import { collect, helperEnvironment, killGroup } from '../machine/helper.ts';
import { entryOfChild } from '../machine/processes.ts';
import type { ProcessUser } from '../ports.ts';
import { identityMaps } from './id-ranges.ts';
import { writeMapsDirectly } from './write-maps.ts';

/** A user namespace held open; disposing gives it up. */
export interface NestedNamespace extends Disposable {
  readonly descriptor?: number;
  /** Why there is none. */
  readonly failure?: string;
}

const timeLimit = 5000;

/** Opens a user namespace owned by a user that exists in this one. */
export async function openNestedNamespace(
  deps: RuntimeDeps,
  owner: ProcessUser,
): Promise<NestedNamespace> {
  const { tools, identity } = deps;
  const setpriv = tools.find('setpriv') ?? 'setpriv';
  const ids = [
    `--reuid=${owner.uid}`,
    `--regid=${owner.gid}`,
    '--clear-groups',
    '--pdeathsig',
    'KILL',
  ];
  const unshare = [tools.find('unshare') ?? 'unshare', '--user', '--'];
  const hold = [tools.find('sh') ?? '/bin/sh', '-c', 'echo ready; read -r _'];
  const holder = spawn(setpriv, [...ids, '--', ...unshare, ...hold], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...helperEnvironment },
    detached: true,
  });
  const messages = collect(holder.stderr);
  try {
    if (!(await isReady(holder, holder.stdout))) return failed(messages.text().trim());
    const pid = holder.pid ?? 0;
    const problem = writeMapsDirectly(pid, identityMaps(identity));
    if (problem !== undefined) return failed(problem);
    const descriptor = openSync(`${entryOfChild(pid)?.directory}/ns/user`, 'r');
    return { descriptor, [Symbol.dispose]: () => closeSync(descriptor) };
  } catch (error) {
    return failed((error as Error).message);
  } finally {
    dismiss(holder, holder.stdin);
  }
}

function failed(why: string): NestedNamespace {
  return { failure: `no nested user namespace: ${why}`, [Symbol.dispose]: () => {} };
}

async function isReady(holder: ChildProcess, output: Readable): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), timeLimit);
  holder.once('error', () => resolve(false));
  holder.once('exit', () => resolve(false));
  output.once('data', () => resolve(true));
  return await promise.finally(() => clearTimeout(timer));
}

function dismiss(holder: ChildProcess, input: Writable): void {
  input.on('error', () => {});
  input.destroy();
  killGroup(holder);
}
