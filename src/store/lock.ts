/**
 * Kernel locks on files, by way of SQLite (docs/adr/0003-locks-by-sqlite.md).
 *
 * A lock lives exactly as long as its holder: the kernel releases it when the process ends, however it
 * ends. Lock files are empty and may be removed at any time by whoever holds them; whoever gets a lock
 * makes sure that the file is still the one under that name.
 *
 * Never open a lock file in any other way: closing a descriptor drops every POSIX lock that the process
 * has on the file.
 */

import { randomBytes, randomInt } from 'node:crypto';
import { access, constants, open, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { BuildError } from '../errors/index.ts';
import { describeHolder } from './lock-holder.ts';

/** How long to wait for a lock and what to call it. */
export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which waiting fails; an hour by default, since who holds a lock is alive. */
  readonly timeoutMs?: number | undefined;
  /** Names what is locked, for messages. */
  readonly what?: string | undefined;
  /** Shared locks exclude only exclusive ones; exclusive by default. */
  readonly mode?: LockMode | undefined;
  /** Called once when waiting takes more than a second, with a description of the holder. */
  readonly onWait?: OnWait | undefined;
}

/** Hears whom this process waits for, as a text for people. */
export type OnWait = (holder: string) => void;

/** Whom a lock excludes: everybody, or only those who want to exclude everybody. */
export type LockMode = 'exclusive' | 'shared';

/** What takes each lock and keeps it. The journal in memory: otherwise an empty one appears beside the file. */
const statements: Readonly<Record<LockMode, string>> = {
  exclusive: 'PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE',
  shared: 'PRAGMA journal_mode = MEMORY; BEGIN; SELECT * FROM sqlite_schema',
};

/** How long to wait for a lock when nothing else is said. */
export const defaultLockTimeoutMs = 60 * 60_000;
const patienceMs = 1000;
const longestPauseMs = 100;
/** Primary result codes of SQLite. */
const sqlite = { busy: 5, cannotOpen: 14, notADatabase: 26 } as const;

/** A lock that this process holds. Disposing it releases it; so does the end of the process. */
export class KernelLock implements Disposable {
  readonly path: string;
  #database: DatabaseSync | undefined;

  constructor(path: string, database: DatabaseSync) {
    this.path = path;
    this.#database = database;
  }

  /** Releases the lock and leaves its file behind. Idempotent. */
  release(): void {
    this.#database?.close();
    this.#database = undefined;
  }

  /** Removes the lock file and releases the lock, which must be an exclusive one. Idempotent. */
  async remove(): Promise<void> {
    if (this.#database === undefined) return;
    await unlink(this.path).catch(() => {});
    this.release();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/**
 * Waits for the lock at `path` and takes it; the file is made when it is missing. Not reentrant.
 *
 * @throws BuildError `LOCK_TIMEOUT` naming the holder as far as the kernel tells, `PERMISSION_DENIED`,
 * `NO_SPACE`, `IO_FAILED`; the signal's reason
 */
export async function acquireLock(path: string, options: LockOptions = {}): Promise<KernelLock> {
  const { signal, timeoutMs = defaultLockTimeoutMs, what = basename(path), mode } = options;
  const start = performance.now();
  let onWait = options.onWait;
  for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    signal?.throwIfAborted();
    const lock = await tryLock(path, mode);
    if (lock !== undefined) return lock;
    const waited = performance.now() - start;
    if (waited >= timeoutMs) throw await timedOut(path, what, timeoutMs);
    if (onWait !== undefined && waited >= patienceMs) {
      onWait(await describeHolder(path));
      onWait = undefined;
    }
    await sleep(pauseMs / 2 + randomInt(pauseMs), undefined, signal ? { signal } : {}).catch(
      () => {},
    );
  }
}

/**
 * Takes the lock at `path` if it is free.
 *
 * @returns undefined while somebody else holds it
 * @throws BuildError `PERMISSION_DENIED`, `NO_SPACE`, `IO_FAILED`
 */
export async function tryLock(
  path: string,
  mode: LockMode = 'exclusive',
): Promise<KernelLock | undefined> {
  for (;;) {
    const before = await identityOf(path);
    const attempt = await tryOnce(path, mode);
    if (attempt === 'busy') return undefined;
    const after = await identityOf(path);
    if (attempt === 'foreign') {
      // Nobody can hold a file that SQLite does not take for an empty database.
      if (before === after) await unlinkForeign(path);
      continue;
    }
    if (before !== undefined && before === after) return new KernelLock(path, attempt);
    attempt.close();
  }
}

async function unlinkForeign(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw lockFailure(path, error);
  });
}

/** Runs `action` while holding the lock, and removes the lock file at the end. */
export async function withLock<T>(
  path: string,
  options: LockOptions,
  action: () => Promise<T>,
): Promise<T> {
  const lock = await acquireLock(path, options);
  try {
    return await action();
  } finally {
    await lock.remove();
  }
}

/** Inode number with birth time, since numbers are used again. */
async function identityOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.dev}:${found.ino}:${found.birthtimeNs}`;
}

/** Opens the file and locks it; the file may be another one by then than the one under its name. */
async function tryOnce(path: string, mode: LockMode): Promise<DatabaseSync | 'busy' | 'foreign'> {
  // Loaded here because the module prints a warning when it is loaded.
  const { DatabaseSync } = await import('node:sqlite');
  // SQLite falls back to reading where it may not write, and then locks nothing.
  await access(path, constants.W_OK).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw lockFailure(path, error);
  });
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec(statements[mode]);
    return database;
  } catch (error) {
    database?.close();
    const code = ((error as { errcode?: number }).errcode ?? 0) & 0xff;
    if (code === sqlite.busy) return 'busy';
    if (code === sqlite.notADatabase) return 'foreign';
    const reason = code === sqlite.cannotOpen ? await whyNotOpened(path) : error;
    if (reason === undefined) return 'busy';
    throw lockFailure(path, reason);
  }
}

/**
 * SQLite does not tell the system's reason; making a file beside it does. Undefined when there were only
 * too few descriptors for the moment.
 */
async function whyNotOpened(path: string): Promise<unknown> {
  const probe = join(dirname(path), `.probe-${randomBytes(8).toString('hex')}`);
  try {
    if ((await stat(path).catch(() => undefined))?.isDirectory())
      return new Error('it is a directory');
    const file = await open(probe, 'wx');
    await unlink(probe);
    await file.close();
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EMFILE' || code === 'ENFILE' ? undefined : error;
  }
}

function lockFailure(path: string, cause: unknown): BuildError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const kind =
    code === 'ENOSPC' || code === 'EDQUOT'
      ? 'NO_SPACE'
      : code === 'EACCES' || code === 'EROFS' || code === 'EPERM'
        ? 'PERMISSION_DENIED'
        : 'IO_FAILED';
  return new BuildError(kind, `cannot lock ${path}: ${message}`, {
    cause,
    origin: 'local',
    suggestion: 'S2OCI_HOME must be a writable directory on a file system with POSIX locks',
  });
}

async function timedOut(path: string, what: string, timeoutMs: number): Promise<BuildError> {
  const holder = await describeHolder(path);
  return new BuildError(
    'LOCK_TIMEOUT',
    `${what} is still locked after ${Math.round(timeoutMs / 1000)} s: held by ${holder}`,
    {
      origin: 'local',
      retryable: true,
      suggestion: 'wait for the other process to finish, or end it; its lock ends with it',
      details: { lock: path, holder },
    },
  );
}
