/**
 * Starts one process in new namespaces by one method, or explains why that failed (rootless.md B5).
 *
 * A small shell stands between unshare and the command. It reports over descriptor 4 that the namespace
 * exists, waits until the id map is written, mounts a fresh /proc, and then becomes the command.
 * Descriptor 2 of the launch is a pipe of ours, so that messages of the tools can be told from those of
 * the command, whose own stderr waits on descriptor 5.
 *
 * Where the kernel refuses a fresh /proc there is no pid namespace either: programs that look themselves
 * up in /proc by their number (bubblewrap) would find somebody else.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { Readable } from 'node:stream';
import { helperEnvironment } from '../machine/helper.ts';
import type { Tools } from '../machine/tools.ts';
import { Handshake, type LaunchFailure } from './handshake.ts';
import type { NamespaceMethod } from './methods.ts';
import { writeMaps } from './write-maps.ts';

/** What the command's own descriptors are connected to. */
export interface LaunchStdio {
  readonly stdin: 'ignore' | number;
  readonly stdout: 'ignore' | 'pipe' | number;
  readonly stderr: 'ignore' | 'pipe' | number;
}

/** What to launch. */
export interface Launch {
  readonly tools: Tools;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly stdio: LaunchStdio;
  readonly timeoutMilliseconds: number;
}

/** A command that runs in its namespaces. */
export interface Launched {
  readonly child: ChildProcess;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** /proc was mounted afresh and shows only the new pid namespace. */
  readonly freshProc: boolean;
  readonly pidNamespace: boolean;
}

/** Tells a running command from a failure. */
export function isLaunched(result: Launched | LaunchFailure): result is Launched {
  return 'child' in result;
}

// $1 = mount, $2 = whether there is a pid namespace, $3 = setpriv or empty; the rest is the command. A
// capability gain at exec clears the parent death signal, so it is set again once the id map has made
// this process root.
const script = `
mount=$1 pid=$2 setpriv=$3
shift 3
printf 'ready\\n' >&4
read -r _ <&4 || exit 97
if [ -n "$pid" ]; then
  "$mount" -t proc -o nosuid,nodev,noexec proc /proc 2>/dev/null || { printf 'refused\\n' >&4; exit 98; }
fi
printf 'done\\n' >&4
exec 2>&5 4>&- 5>&-
if [ -n "$setpriv" ]; then exec "$setpriv" --pdeathsig KILL -- "$@"; fi
exec "$@"
`;

/** Launches by one method. The caller owns the child of a success; after a failure nothing is left. */
export async function launchByMethod(
  launch: Launch,
  method: NamespaceMethod,
  signal?: AbortSignal,
): Promise<Launched | LaunchFailure> {
  const isolated = await launchOnce(launch, method, true, signal);
  if (isLaunched(isolated) || isolated.procRefused !== true) return isolated;
  return await launchOnce(launch, method, false, signal);
}

async function launchOnce(
  launch: Launch,
  method: NamespaceMethod,
  pidNamespace: boolean,
  signal: AbortSignal | undefined,
): Promise<Launched | LaunchFailure> {
  const { tools, stdio } = launch;
  const [file = '', ...args] = commandLine(launch, method, pidNamespace);
  using sink = stdio.stderr === 'ignore' ? openSink() : undefined;
  const child = spawn(file, args, {
    stdio: [stdio.stdin, stdio.stdout, 'pipe', 'ipc', 'pipe', sink?.descriptor ?? stdio.stderr],
    serialization: 'advanced',
    env: { ...helperEnvironment, ...launch.environment, LC_ALL: 'C' },
    detached: true,
  });
  const handshake = new Handshake(child, launch.timeoutMilliseconds, signal);
  const failure = await handshake.complete(() => writeMaps(tools, child.pid, method));
  if (failure !== undefined) return failure;
  return {
    child,
    stdout: child.stdout ?? undefined,
    stderr: readableAt(child, 5),
    freshProc: pidNamespace,
    pidNamespace,
  };
}

function commandLine(
  { tools, command }: Launch,
  method: NamespaceMethod,
  pidNamespace: boolean,
): readonly string[] {
  const setpriv = tools.find('setpriv');
  const guard = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL', '--'];
  const pid = pidNamespace ? ['--pid', '--fork', '--kill-child'] : [];
  return [
    ...[...guard, ...method.prefix, ...pid, '--'],
    ...[tools.find('sh') ?? '/bin/sh', '-c', script, 'sh'],
    ...[tools.find('mount') ?? 'mount', pidNamespace ? 'pid' : '', setpriv ?? ''],
    ...command,
  ];
}

/** Node leaves an ignored descriptor above 2 closed, but the shell needs one to give to the command. */
function openSink(): Disposable & { readonly descriptor: number } {
  const descriptor = openSync('/dev/null', 'w');
  return { descriptor, [Symbol.dispose]: () => closeSync(descriptor) };
}

function readableAt(child: ChildProcess, descriptor: number): Readable | undefined {
  const stream = (child.stdio as readonly unknown[])[descriptor];
  return stream instanceof Readable ? stream : undefined;
}
