/**
 * Runs git: an argument array, an environment built from nothing, output with limits, and an end with the
 * signal for git and all the helpers it started.
 */

import { spawn } from 'node:child_process';
import { kill as signalProcess } from 'node:process';
import { BuildError } from '../../errors/index.ts';

/** One run of git. */
export interface GitCall {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Called with pieces of standard error as they come. */
  readonly onStderr?: (text: string) => void;
}

/** How a run of git ended. */
export interface GitOutcome {
  readonly code: number;
  readonly stdout: string;
  /** The last part of it when it is long. */
  readonly stderr: string;
}

/** Runs git; a port, so that tests can stand in for a server's behaviour. */
export interface GitRunner {
  /**
   * Runs to the end; a code other than 0 is a result, not an error.
   *
   * @throws BuildError `SOURCE_FETCH_FAILED` when there is no git; the reason of the signal
   */
  run(call: GitCall, signal?: AbortSignal): Promise<GitOutcome>;
}

const maxStdout = 16 * 1024 * 1024;
const maxStderr = 64 * 1024;

/** Returns the runner of the `git` on the PATH of each call's environment. */
export function gitRunner(): GitRunner {
  return { run };
}

async function run(call: GitCall, signal?: AbortSignal): Promise<GitOutcome> {
  signal?.throwIfAborted();
  // A process group of its own, so that git's helpers end with it.
  const child = spawn('git', [...call.args], {
    cwd: call.cwd,
    env: call.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const kill = (): void => killGroup(child.pid);
  signal?.addEventListener('abort', kill, { once: true });
  try {
    const [stdout, stderr, code] = await Promise.all([
      collectHead(child.stdout, kill),
      collectTail(child.stderr, call.onStderr),
      exitOf(child),
    ]);
    signal?.throwIfAborted();
    return { code, stdout, stderr };
  } finally {
    signal?.removeEventListener('abort', kill);
  }
}

function exitOf(child: ReturnType<typeof spawn>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once('error', (cause: NodeJS.ErrnoException) => reject(notStarted(cause)));
  child.once('close', (code) => resolve(code ?? 128));
  return promise;
}

function notStarted(cause: NodeJS.ErrnoException): BuildError {
  const why = cause.code === 'ENOENT' ? 'git is not installed' : cause.message;
  return new BuildError('SOURCE_FETCH_FAILED', `cannot run git: ${why}`, {
    origin: 'source',
    cause,
    suggestion: 'install git, or give the source as a directory or a tar archive',
  });
}

async function collectHead(stream: AsyncIterable<Buffer>, kill: () => void): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > maxStdout) {
      kill();
      throw new BuildError('LIMIT_EXCEEDED', `git wrote more than ${maxStdout} bytes`, {
        origin: 'source',
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function collectTail(
  stream: AsyncIterable<Buffer>,
  onText: ((text: string) => void) | undefined,
): Promise<string> {
  let kept = '';
  for await (const chunk of stream) {
    const text = chunk.toString('utf8');
    onText?.(text);
    kept = (kept + text).slice(-maxStderr);
  }
  return kept;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    signalProcess(-pid, 'SIGKILL');
  } catch {
    // It ended by itself just now.
  }
}
