/**
 * `--ssh`: scripts of the build use an ssh agent of this machine. Where keys are named instead of an agent, one
 * is started for the build that knows just these.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MountRequest } from '../../agent/index.ts';
import { BuildError } from '../../errors/index.ts';
import { parseId, refused } from './fields.ts';

/** An agent as it was asked for. */
export interface GivenSsh {
  readonly id: string;
  /** A socket, or private keys; empty stands for the agent of `SSH_AUTH_SOCK`. */
  readonly paths: readonly string[];
}

/** An agent that answers at a socket of this machine; disposing ends one that was started for the build. */
export interface OpenSsh extends AsyncDisposable {
  readonly socket: string;
}

const defaultMode = 0o600;

/** The program ends with us even if we are killed. */
const guard = ['--pdeathsig', 'KILL', '--'];

/**
 * Parses `ID` or `ID=SOCKET` or `ID=KEY[,KEY]`.
 *
 * @param resolvePath makes a path of the command line absolute
 * @throws BuildError `USAGE_INVALID`
 */
export function parseSsh(text: string, resolvePath: (path: string) => string): GivenSsh {
  const equals = text.indexOf('=');
  const id = parseId('--ssh', text, equals < 0 ? text : text.slice(0, equals));
  const paths = equals < 0 ? [] : text.slice(equals + 1).split(',');
  if (paths.includes('')) throw refused('--ssh', text, 'a path is empty');
  return { id, paths: paths.map(resolvePath) };
}

/**
 * Finds the agent, or starts one with the keys.
 *
 * @param directory a private directory for the socket of a new agent
 * @throws BuildError `USAGE_INVALID`, `RUNTIME_UNAVAILABLE` without the programs of OpenSSH
 */
export async function openSsh(
  { id, paths }: GivenSsh,
  env: Readonly<Record<string, string | undefined>>,
  directory: string,
  signal: AbortSignal,
): Promise<OpenSsh> {
  const [first = env['SSH_AUTH_SOCK'], ...others] = paths;
  if (first === undefined || first === '') {
    throw new BuildError('USAGE_INVALID', `--ssh ${id}: SSH_AUTH_SOCK names no agent`, {
      suggestion: 'start ssh-agent, or name a key: --ssh default=/path/to/key',
    });
  }
  const facts = await stat(first).catch((error: Error) => {
    throw new BuildError('USAGE_INVALID', `--ssh ${id}: ${error.message}`, { cause: error });
  });
  if (!facts.isSocket()) return startAgent(id, [first, ...others], directory, signal);
  if (others.length > 0) {
    throw new BuildError('USAGE_INVALID', `--ssh ${id}: an agent and keys exclude each other`);
  }
  return { socket: first, [Symbol.asyncDispose]: async () => {} };
}

/** Where scripts find the socket. */
export function sshTarget(id: string): string {
  return `/run/s2oci/ssh/${id}.sock`;
}

/** How the socket of an agent is mounted for a user. */
export function mountSsh(
  id: string,
  socket: string,
  { uid, gid }: { readonly uid: number; readonly gid: number },
): Extract<MountRequest, { kind: 'ssh' }> {
  return { kind: 'ssh', socket, target: sshTarget(id), owner: { uid, gid }, mode: defaultMode };
}

/** The path of a socket is short: a name in the directory that the agent starts in. */
async function startAgent(
  id: string,
  keys: readonly string[],
  directory: string,
  signal: AbortSignal,
): Promise<OpenSsh> {
  const name = `agent-${id}`;
  const options = { cwd: directory, env: { PATH: programPath }, signal } as const;
  const agent = spawn('setpriv', [...guard, 'ssh-agent', '-D', '-a', name], {
    ...options,
    stdio: 'ignore',
  });
  const ended = once(agent, 'exit').catch(() => {});
  const close = async () => {
    agent.kill('SIGTERM');
    await ended;
  };
  try {
    await appears(join(directory, name), agent, signal);
    await addKeys(id, keys, { ...options, env: { ...options.env, SSH_AUTH_SOCK: name } });
  } catch (error) {
    await close();
    throw error;
  }
  return { socket: join(directory, name), [Symbol.asyncDispose]: close };
}

const programPath = '/usr/local/bin:/usr/bin:/bin';
const startTimeMs = 10_000;

async function appears(
  socket: string,
  agent: { readonly exitCode: number | null; readonly pid?: number | undefined },
  signal: AbortSignal,
): Promise<void> {
  for (let waited = 0; waited < startTimeMs; waited += 10) {
    signal.throwIfAborted();
    if ((await stat(socket).catch(() => undefined)) !== undefined) return;
    if (agent.pid === undefined || agent.exitCode !== null) break;
    await sleep(10);
  }
  throw new BuildError('RUNTIME_UNAVAILABLE', 'ssh-agent does not start', {
    origin: 'runtime',
    suggestion: 'install the OpenSSH client, or give --ssh the socket of an agent that runs',
  });
}

async function addKeys(
  id: string,
  keys: readonly string[],
  options: { cwd: string; env: Record<string, string>; signal: AbortSignal },
): Promise<void> {
  const child = spawn('ssh-add', ['-q', '--', ...keys], {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, 2000);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code === 0) return;
  throw new BuildError('USAGE_INVALID', `--ssh ${id}: ${said.trim() || 'ssh-add failed'}`, {
    suggestion: 'a key with a passphrase needs an agent that holds it already',
  });
}
