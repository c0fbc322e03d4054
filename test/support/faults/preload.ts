/**
 * `node --import .../preload.ts`: every call of a process and of its threads that changes something on a disk can
 * fail, or be the last one, without a word about it in the code. What writes has two such moments: before it, and when
 * half of it is written. With `S2OCI_DISK_FAULT` set, calls count from the start.
 *
 * Calls on the standard streams do not count.
 */

import childProcess from 'node:child_process';
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { promisify } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import { halfOf } from './half.ts';
import { arm, hit, parseFault } from './state.ts';

type Callable = (...args: unknown[]) => unknown;
type Holder = Record<string, Callable>;

const changes = [
  ...['appendFile', 'chmod', 'chown', 'copyFile', 'cp', 'fchmod', 'fchown', 'fdatasync', 'fsync'],
  ...['ftruncate', 'futimes', 'lchown', 'link', 'lutimes', 'mkdir', 'mkdtemp', 'open', 'rename'],
  ...['rm', 'rmdir', 'symlink', 'truncate', 'unlink', 'utimes', 'write', 'writeFile', 'writev'],
];
const handleChanges = [
  ...['appendFile', 'chmod', 'chown', 'datasync', 'sync', 'truncate', 'utimes', 'write'],
  ...['writeFile', 'writev'],
];
/** Programs that change something outside of a sandbox. */
const tools = ['chmod', 'chown', 'cp', 'mkfifo', 'mount', 'setfattr', 'sync', 'umount'];

/** Says whether a call meets its fault now. */
function failureOf(name: string, args: readonly unknown[]): Error | undefined {
  if (name === 'open' && !writes(args[1])) return undefined;
  if (typeof args[0] === 'number' && args[0] <= 2) return undefined;
  const half = halfOf(name, args);
  return hit(name) ?? (half === undefined ? undefined : hit(`half of ${name}`, half));
}

function writes(flags: unknown): boolean {
  const { O_WRONLY, O_RDWR, O_CREAT } = fs.constants;
  if (typeof flags === 'number') return (flags & (O_WRONLY | O_RDWR | O_CREAT)) !== 0;
  return typeof flags === 'string' && /[wa+]/.test(flags);
}

function replace(holder: Holder, name: string, around: (original: Callable) => Callable): void {
  const original = holder[name];
  if (original === undefined) return;
  holder[name] = Object.assign(around(original), original);
}

for (const name of changes) {
  replace(fs as unknown as Holder, `${name}Sync`, (original) => (...args) => {
    const failure = failureOf(name, args);
    if (failure !== undefined) throw failure;
    return original(...args);
  });
  replace(fs as unknown as Holder, name, (original) => (...args) => {
    const failure = failureOf(name, args);
    if (failure === undefined) return original(...args);
    return process.nextTick(args.at(-1) as Callable, failure);
  });
  replace(promises as unknown as Holder, name, (original) => async (...args) => {
    const failure = failureOf(name, args);
    if (failure !== undefined) throw failure;
    return original(...args);
  });
}

const handle = await promises.open('/dev/null');
for (const name of handleChanges)
  replace(Object.getPrototypeOf(handle), name, (original) => {
    return async function (this: fs.promises.FileHandle, ...args) {
      const failure = failureOf(name, [this.fd, ...args]);
      if (failure !== undefined) throw failure;
      return original.apply(this, args);
    };
  });
await handle.close();

/** A tool that fails tells so as tools do: in words. */
function toolCommand(args: unknown[]): unknown[] {
  const [file, argv, ...rest] = args;
  const name = String(file).split('/').at(-1) ?? '';
  if (!tools.includes(name)) return args;
  const failure = hit(name) as NodeJS.ErrnoException | undefined;
  if (failure === undefined) return args;
  const words = failure.code === 'ENOSPC' ? 'No space left on device' : 'Input/output error';
  return ['sh', ['-c', 'echo "$0: $1" >&2; exit 1', name, words, ...(argv as string[])], ...rest];
}

const { execFile } = childProcess;
const promised = promisify(execFile) as unknown as Callable;
for (const name of ['execFile', 'execFileSync', 'spawn', 'spawnSync'])
  replace(
    childProcess as unknown as Holder,
    name,
    (original) =>
      (...args) =>
        original(...toolCommand(args)),
  );
Object.assign(childProcess.execFile, {
  [promisify.custom]: (...args: unknown[]) => promised(...toolCommand(args)),
});
syncBuiltinESMExports();

const planned = process.env['S2OCI_DISK_FAULT'];
if (isMainThread && planned !== undefined) arm(parseFault(planned));
