/**
 * Starts one process in new namespaces by one method, or explains why that failed (rootless.md B5).
 *
 * A small shell stands between unshare and the command. It reports over descriptor 4 that the namespace
 * exists, waits until the id map is written, mounts a fresh /proc where the kernel lets it, and then
 * becomes the command. Descriptor 2 of the launch is a pipe of ours, so that messages of the tools can
 * be told from those of the command, whose own stderr waits on descriptor 5.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { Duplex, Readable } from 'node:stream';
import { errnoIn } from '../machine/errno.ts';
import {
  type Collected,
  collect,
  helperEnvironment,
  killGroup,
  runHelper,
  settleWithin,
} from '../machine/helper.ts';
import { directoryOfChild } from '../machine/processes.ts';
import type { Tools } from '../machine/tools.ts';
import { formatMap, type IdMaps } from './id-ranges.ts';
import type { NamespaceMethod } from './methods.ts';

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
}

/** Why a method did not work. */
export interface LaunchFailure {
  readonly reason: string;
  readonly errno?: string;
}

/** Tells a running command from a failure. */
export function isLaunched(result: Launched | LaunchFailure): result is Launched {
  return 'child' in result;
}

/** How long the last words of a failed launch may take. */
const drainTime = 100;

// $1 = mount, $2 = setpriv or empty, the rest is the command. A capability gain at exec clears the
// parent death signal, so it is set again once the id map has made this process root.
const script = `
printf 'ready\\n' >&4
read -r _ <&4 || exit 97
proc=bound
"$1" -t proc -o nosuid,nodev,noexec proc /proc 2>/dev/null && proc=fresh
printf '%s\\n' "$proc" >&4
setpriv=$2
shift 2
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
  const { tools, stdio } = launch;
  const setpriv = tools.find('setpriv');
  const guard = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL', '--'];
  const shell = [tools.find('sh') ?? '/bin/sh', '-c', script, 'sh'];
  const tail = [tools.find('mount') ?? 'mount', setpriv ?? '', ...launch.command];
  const [file = '', ...args] = [...guard, ...method.prefix, ...shell, ...tail];
  using sink = stdio.stderr === 'ignore' ? openSink() : undefined;
  const child = spawn(file, args, {
    stdio: [stdio.stdin, stdio.stdout, 'pipe', 'ipc', 'pipe', sink?.descriptor ?? stdio.stderr],
    serialization: 'advanced',
    env: { ...launch.environment, LC_ALL: 'C' },
    detached: true,
  });
  const attempt = new Attempt(child, launch.timeoutMilliseconds, signal);
  const failure = await attempt.handshake(() => writeMaps(tools, child, method));
  if (failure !== undefined) return failure;
  return {
    child,
    stdout: child.stdout ?? undefined,
    stderr: readableAt(child, 5),
    freshProc: attempt.freshProc,
  };
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

/** The conversation with the launching shell. */
class Attempt {
  freshProc = false;
  readonly #child: ChildProcess;
  readonly #messages: Collected;
  readonly #lines: AsyncIterator<string>;
  readonly #stop: AbortSignal;
  readonly #ended: Promise<string>;

  constructor(child: ChildProcess, timeoutMilliseconds: number, signal: AbortSignal | undefined) {
    this.#child = child;
    this.#messages = collect(child.stderr as Readable);
    this.#lines = linesOf(this.#gate());
    const limit = AbortSignal.timeout(timeoutMilliseconds);
    this.#stop = signal === undefined ? limit : AbortSignal.any([limit, signal]);
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#ended = promise;
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, name) => resolve(`it ended with ${name ?? `exit code ${code}`}`));
  }

  /** Runs to the point where the command is executed; on failure everything is ended. */
  async handshake(writeMap: () => Promise<string | undefined>): Promise<LaunchFailure | undefined> {
    const kill = () => killGroup(this.#child);
    this.#stop.addEventListener('abort', kill, { once: true });
    try {
      const failure = (await this.#expect()) ?? (await writeMap());
      if (failure !== undefined) return await this.#fail(failure);
      this.#gate().write('go\n');
      const lost = await this.#expect((line) => {
        this.freshProc = line === 'fresh';
      });
      return lost === undefined ? undefined : await this.#fail(lost);
    } finally {
      this.#stop.removeEventListener('abort', kill);
    }
  }

  #gate(): Duplex {
    const gate = this.#child.stdio[4];
    if (gate instanceof Duplex) return gate;
    throw new TypeError('descriptor 4 of the launch is no socket');
  }

  async #expect(take: (line: string) => void = () => {}): Promise<string | undefined> {
    if (this.#stop.aborted) return 'it took too long';
    const line = await Promise.race([this.#lines.next(), this.#ended]);
    if (typeof line === 'string') return line;
    if (line.done === true) return await this.#ended;
    take(line.value);
    return undefined;
  }

  async #fail(why: string): Promise<LaunchFailure> {
    killGroup(this.#child);
    await this.#ended;
    await settleWithin(drainTime, [this.#messages]);
    this.#child.stderr?.destroy();
    this.#gate().destroy();
    const said = this.#messages.text().trim();
    const reason = this.#stop.aborted ? 'it took too long' : said === '' ? why : said;
    const errno = errnoIn(`${said} ${why}`);
    return { reason: reason.replaceAll('\n', '; '), ...(errno === undefined ? {} : { errno }) };
  }
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    rest += String(chunk);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

/** Writes the id maps of a child that is in its new user namespace; returns why it could not. */
async function writeMaps(
  tools: Tools,
  child: ChildProcess,
  method: NamespaceMethod,
): Promise<string | undefined> {
  if (method.maps === undefined || child.pid === undefined) return undefined;
  return method.writer === 'kernel'
    ? writeMapsDirectly(child.pid, method.maps)
    : await writeMapsByHelper(tools, child.pid, method.maps);
}

/** Writes the maps of a process by the privileges of this one; returns why it could not. */
export function writeMapsDirectly(pid: number, maps: IdMaps): string | undefined {
  const directory = directoryOfChild(pid);
  try {
    writeFileSync(`${directory}/uid_map`, formatMap(maps.uid));
    writeFileSync(`${directory}/gid_map`, formatMap(maps.gid));
    return undefined;
  } catch (error) {
    return `writing the id map failed: ${(error as Error).message}`;
  }
}

async function writeMapsByHelper(
  tools: Tools,
  pid: number,
  maps: IdMaps,
): Promise<string | undefined> {
  const pairs = [
    ['newuidmap', maps.uid],
    ['newgidmap', maps.gid],
  ] as const;
  for (const [name, map] of pairs) {
    const numbers = map.flatMap(({ inside, outside, count }) => [inside, outside, count]);
    const args = [pid, ...numbers].map(String);
    const result = await runHelper(tools.find(name) ?? name, args, {
      environment: helperEnvironment,
    });
    if (result.code !== 0) return `${name} failed: ${result.stderr.trim() || 'no message'}`;
  }
  return undefined;
}
