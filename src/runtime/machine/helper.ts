/**
 * Runs short-lived helper programs (newuidmap, version queries) so that none can hang or leak.
 *
 * The result is ready when the process itself ends, not when its pipes close: some helpers leave
 * children behind that hold the pipes for ever (rootless.md B5). The whole process group is killed
 * at the time limit.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { kill } from 'node:process';
import type { Readable } from 'node:stream';

/** The environment of every helper: nothing of the user's. */
export const helperEnvironment: Readonly<Record<string, string>> = {
  LC_ALL: 'C',
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
};

/** How a helper ended. */
export interface HelperResult {
  /** Exit code; undefined when a signal ended it or it never started. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** What may be said about a helper run. */
export interface HelperOptions {
  readonly timeoutMilliseconds?: number;
  readonly environment?: Readonly<Record<string, string>>;
  /** Working directory; default is that of this process. */
  readonly directory?: string;
  readonly signal?: AbortSignal | undefined;
}

const maxOutput = 64 * 1024;

/** How long the last words of a helper may take; children it leaves behind can hold its pipes for ever. */
const drainTime = 50;

/** Runs a helper to its end; never throws and never takes longer than its time limit. */
export async function runHelper(
  file: string,
  args: readonly string[],
  options: HelperOptions = {},
): Promise<HelperResult> {
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...(options.environment ?? helperEnvironment) },
    detached: true,
    ...(options.directory === undefined ? {} : { cwd: options.directory }),
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const limit = AbortSignal.timeout(options.timeoutMilliseconds ?? 5000);
  const stop = options.signal === undefined ? limit : AbortSignal.any([limit, options.signal]);
  const { code, failure } = await ended(child, stop);
  await settleWithin(drainTime, [stdout, stderr]);
  child.stdout.destroy();
  child.stderr.destroy();
  return {
    code,
    stdout: stdout.text(),
    stderr: failure ?? stderr.text(),
    timedOut: limit.aborted && code === undefined,
  };
}

/** Kills a detached child together with its process group. */
export function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

function ended(
  child: ChildProcess,
  stop: AbortSignal,
): Promise<{ code: number | undefined; failure?: string }> {
  const { promise, resolve } = Promise.withResolvers<{
    code: number | undefined;
    failure?: string;
  }>();
  const stopChild = () => killGroup(child);
  if (stop.aborted) stopChild();
  stop.addEventListener('abort', stopChild, { once: true });
  child.once('error', (error) => resolve({ code: undefined, failure: error.message }));
  child.once('exit', (code) => resolve({ code: code ?? undefined }));
  return promise.finally(() => stop.removeEventListener('abort', stopChild));
}

/** Text read from a stream so far. */
export interface Collected {
  text(): string;
  /** Settles when the stream has ended, however it ended. */
  readonly done: Promise<void>;
}

/** Reads a stream, keeping its first part. */
export function collect(stream: Readable): Collected {
  const { promise, resolve } = Promise.withResolvers<void>();
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    if (text.length < maxOutput) text += chunk.slice(0, maxOutput - text.length);
  });
  for (const event of ['end', 'close', 'error']) stream.once(event, () => resolve());
  return { text: () => text, done: promise };
}

/** Waits until all streams have ended, or for a number of milliseconds. */
export async function settleWithin(
  milliseconds: number,
  streams: readonly Pick<Collected, 'done'>[],
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  await Promise.race([Promise.all(streams.map(({ done }) => done)), promise]);
  clearTimeout(timer);
}
