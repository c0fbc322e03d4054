/**
 * Runs commands as an unprivileged user, because that is who the product is for.
 *
 * As root, tests drop to the users that `.ci/install-test-tools` makes: one with a range of subordinate ids
 * and one without. Anybody else runs the tests as themselves, and a test that needs the other kind of user
 * says so (see {@link findTestUser}).
 */

import { type SpawnOptions, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';

/** A user that commands can run as. */
export interface TestUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  /** Whether the user may map a range of subordinate ids. */
  readonly hasSubordinateIds: boolean;
}

/** What {@link findTestUser} is asked for. */
export type TestUserKind = 'with-subuids' | 'without-subuids';

const userNames: Readonly<Record<TestUserKind, string>> = {
  'with-subuids': 'sub',
  'without-subuids': 'nosub',
};

/**
 * Finds an unprivileged user of a kind: the one made for tests when we are root, else ourselves.
 *
 * @returns the user, or a text that says why there is none; give that to `t.skip` or fail with it
 */
export async function findTestUser(kind: TestUserKind): Promise<TestUser | string> {
  const name = process.getuid?.() === 0 ? userNames[kind] : userInfo().username;
  const user = await readUser(name);
  if (user === undefined)
    return `no user ${name} on this machine: run .ci/install-test-tools as root`;
  const wanted = kind === 'with-subuids';
  if (user.hasSubordinateIds === wanted) return user;
  return `user ${name} has ${wanted ? 'no' : 'a'} range of subordinate ids in /etc/subuid`;
}

/** How a command runs. */
export interface RunOptions {
  /** Who runs it; without one, whoever runs the tests. */
  readonly user?: TestUser;
  readonly cwd?: string;
  /** Added to a minimal environment (`HOME`, `PATH`, `TMPDIR`, `LANG`); undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string | Uint8Array;
  /** A command that whoever runs the tests starts the whole with, such as one that enters a control group. */
  readonly enter?: readonly string[];
  readonly signal?: AbortSignal;
}

/** How a command ended. */
export interface RunResult {
  /** The exit code, or 128 + the number of the signal that ended it, as shells count. */
  readonly code: number;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end and collects its output; only a command that cannot start rejects. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const child = spawnAs(command, args, { ...options, stdio: 'pipe' });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  child.stdin?.on('error', () => {});
  child.stdin?.end(options.input);
  const { promise, resolve, reject } =
    Promise.withResolvers<[number | null, NodeJS.Signals | null]>();
  child.once('error', reject);
  child.once('close', (code, signal) => resolve([code, signal]));
  const [code, signal] = await promise;
  return {
    code: code ?? 128 + (signal === null ? 0 : (signals[signal] ?? 0)),
    signal,
    stdout: await stdout,
    stderr: await stderr,
  };
}

const signals: Readonly<Record<string, number>> = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** Starts a command as a user; for tests that signal it or read its output while it runs. */
export function spawnAs(
  command: string,
  args: readonly string[],
  options: RunOptions & Pick<SpawnOptions, 'stdio' | 'detached'> = {},
) {
  const { user, cwd, env, enter = [], signal, stdio, detached } = options;
  const [file = '', ...argv] = [...enter, ...commandFor(user, command, args)];
  return spawn(file, argv, {
    ...(cwd === undefined ? {} : { cwd }),
    ...(signal === undefined ? {} : { signal }),
    ...(stdio === undefined ? {} : { stdio }),
    ...(detached === undefined ? {} : { detached }),
    env: { ...baseEnvironment(user), ...env },
  });
}

/** The argument vector that runs a command as a user. */
export function commandFor(
  user: TestUser | undefined,
  command: string,
  args: readonly string[],
): readonly string[] {
  // The test runner puts itself into every Node that a test starts, also where its files are not.
  const plain = ['env', '--unset=NODE_OPTIONS', command, ...args];
  if (user === undefined || user.uid === process.getuid?.()) return plain;
  const ids = ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'];
  return ['setpriv', ...ids, '--', ...plain];
}

function baseEnvironment(user: TestUser | undefined): NodeJS.ProcessEnv {
  const { PATH, TMPDIR = '/tmp', HOME } = process.env;
  return { PATH, TMPDIR, LANG: 'C.UTF-8', HOME: user?.home ?? HOME };
}

async function collect(stream: NodeJS.ReadableStream | null): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function readUser(name: string): Promise<TestUser | undefined> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const [, , uid, gid, , home] = lines.find(([entry]) => entry === name) ?? [];
  if (uid === undefined || gid === undefined || home === undefined) return undefined;
  const ranges = await Promise.all(['/etc/subuid', '/etc/subgid'].map(readRanges));
  return {
    ...{ name, uid: Number(uid), gid: Number(gid), home },
    hasSubordinateIds: ranges.every((owners) => owners.has(name) || owners.has(uid)),
  };
}

/** The owners of the ranges in a subuid or subgid file. */
async function readRanges(path: string): Promise<ReadonlySet<string>> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return new Set(text.split('\n').map((line) => line.split(':')[0] ?? ''));
}
