/**
 * Connects a network namespace to the machine's network by a process in user space: slirp4netns(1) or
 * pasta(1). The sandbox then reaches the outside and nothing on this machine: not its loopback, where
 * other services of a CI job listen.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import type { RuntimeDeps } from '../deps.ts';
import {
  collect,
  helperEnvironment,
  killGroup,
  runHelper,
  settleWithin,
} from '../machine/helper.ts';
import { entryOfChild } from '../machine/processes.ts';
import type { SupervisedCommand } from './command.ts';

/** Where the programs answer questions for names, whatever servers the host asks. */
const nameServers = { slirp4netns: '10.0.2.3', pasta: '169.254.1.1' } as const;

/** The address of the name server in a network of user space. */
export function nameServerOf(network: keyof typeof nameServers): string {
  return nameServers[network];
}

/** A connection, or why there is none; disposing ends it. */
export interface NetworkConnection extends AsyncDisposable {
  readonly failure?: string;
}

/** A program that hangs has no device to work with. */
const timeLimit = 10_000;

const none: NetworkConnection = { [Symbol.asyncDispose]: async () => {} };

/**
 * Waits until a supervised command is in its network namespace, connects that, and lets the command go on.
 * When that fails the command is ended.
 *
 * @param end settles when the command has ended
 */
export async function connectNetwork(
  deps: RuntimeDeps,
  command: ChildProcess,
  kind: SupervisedCommand['network'],
  end: Promise<unknown>,
): Promise<NetworkConnection> {
  if (kind === undefined || command.pid === undefined) return none;
  const gate = (command.stdio as readonly unknown[])[3] as Duplex;
  const ended = end.then(() => 'ended' as const);
  if ((await Promise.race([once(gate, 'data'), ended])) === 'ended') return none;
  const directory = entryOfChild(command.pid)?.directory ?? '';
  const connection = await connect(deps, kind, directory, ended);
  if (connection.failure === undefined) gate.write('go\n');
  else killGroup(command);
  return connection;
}

async function connect(
  deps: RuntimeDeps,
  kind: 'slirp4netns' | 'pasta',
  directory: string,
  commandEnded: Promise<unknown>,
): Promise<NetworkConnection> {
  await using place = await openPlace(deps, kind, `${directory}/ns/net`);
  const setpriv = deps.tools.find('setpriv') ?? 'setpriv';
  const helper = spawn(
    setpriv,
    [
      ...['--pdeathsig', 'KILL', '--', deps.tools.find(kind) ?? kind],
      ...(kind === 'pasta' ? pastaOptions(place.path) : slirpOptions(place.path)),
    ],
    { stdio: ['ignore', 'ignore', 'pipe', 'pipe'], env: { ...helperEnvironment }, detached: true },
  );
  const messages = collect(helper.stderr as Readable);
  const hasAddress = () => kind === 'pasta' && hasRoute(directory);
  if (await isReady(helper, commandEnded, hasAddress))
    return { [Symbol.asyncDispose]: () => end(helper) };
  await end(helper);
  await settleWithin(100, [messages]);
  const said = messages.text().trim().split('\n').at(-1) ?? '';
  return { ...none, failure: `${kind} could not connect the network: ${said || 'no answer'}` };
}

/** pasta gives up the privilege to look into /proc/PID/ns before it does, so it gets a file of its own. */
async function openPlace(
  { tools, stateDirectory }: RuntimeDeps,
  kind: 'slirp4netns' | 'pasta',
  path: string,
): Promise<AsyncDisposable & { readonly path: string }> {
  if (kind === 'slirp4netns') return { path, ...none };
  const file = join(stateDirectory, `network-${randomBytes(8).toString('hex')}`);
  writeFileSync(file, '');
  await runHelper(tools.find('mount') ?? 'mount', ['-n', '--bind', '--', path, file]);
  return {
    path: file,
    [Symbol.asyncDispose]: async () => {
      await runHelper(tools.find('umount') ?? 'umount', ['-n', '-l', '--', file]);
      rmSync(file, { force: true });
    },
  };
}

function slirpOptions(path: string): readonly string[] {
  return [
    ...['--configure', '--mtu=65520', '--disable-host-loopback', '--ready-fd=3'],
    ...['--netns-type=path', path, 'tap0'],
  ];
}

function pastaOptions(path: string): readonly string[] {
  return [
    ...['--config-net', '--foreground', '--no-map-gw', '--netns-only', '--no-netns-quit'],
    ...['-t', 'none', '-u', 'none', '-T', 'none', '-U', 'none'],
    ...['--dns-forward', nameServers.pasta, '--runas', '0:0', '--netns', path],
  ];
}

/** slirp4netns says so on descriptor 3; of pasta the routing table of the namespace has to tell. */
async function isReady(
  helper: ChildProcess,
  commandEnded: Promise<unknown>,
  isConfigured: () => boolean,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const channel = (helper.stdio as readonly unknown[])[3] as Readable;
  const limit = setTimeout(() => resolve(false), timeLimit);
  const poll = setInterval(() => isConfigured() && resolve(true), 20);
  channel.once('data', () => resolve(true));
  helper.once('exit', () => resolve(false));
  helper.once('error', () => resolve(false));
  void commandEnded.then(() => resolve(false));
  return await promise.finally(() => {
    clearTimeout(limit);
    clearInterval(poll);
  });
}

function hasRoute(directory: string): boolean {
  try {
    return readFileSync(`${directory}/net/route`, 'utf8').trim().split('\n').length > 1;
  } catch {
    return false;
  }
}

async function end(helper: ChildProcess): Promise<void> {
  if (helper.exitCode !== null || helper.signalCode !== null || helper.pid === undefined) return;
  const exited = once(helper, 'exit');
  killGroup(helper);
  await exited;
}
