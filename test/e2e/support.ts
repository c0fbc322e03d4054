/**
 * What end-to-end tests share: the program as it is shipped, typed as a user would type it, by an
 * unprivileged user with a home of its own, and a look at what it leaves behind.
 */

import { chown, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import {
  findTestUser,
  type RunOptions,
  type RunResult,
  run,
  spawnAs,
  type TestUser,
  type TestUserKind,
} from '../support/as-user.ts';

/** The program as `npm run build` leaves it. */
export const program = fileURLToPath(new URL('../../dist/program/main.js', import.meta.url));

/** A user with a place of its own, and s2oci at hand. */
export interface Workbench extends AsyncDisposable {
  readonly user: TestUser;
  /** A directory that belongs to the user. */
  readonly directory: string;
  /** `$S2OCI_HOME` of all commands. */
  readonly home: string;
  /** Runs s2oci to its end. */
  s2oci(args: readonly string[], options?: Omit<RunOptions, 'user'>): Promise<RunResult>;
  /** Starts s2oci. */
  start(args: readonly string[], options?: Omit<RunOptions, 'user'>): ReturnType<typeof spawnAs>;
  /** Runs any command as the user. */
  run(
    command: string,
    args: readonly string[],
    options?: Omit<RunOptions, 'user'>,
  ): Promise<RunResult>;
}

/** Makes a workbench for a kind of user; fails the test where there is none. */
export async function openWorkbench(kind: TestUserKind = 'with-subuids'): Promise<Workbench> {
  const user = await findTestUser(kind);
  if (typeof user === 'string') throw new Error(user);
  const directory = await mkdtemp(join(tmpdir(), 's2oci-e2e-'));
  await chown(directory, user.uid, user.gid);
  const home = join(directory, 'home');
  const withHome = (options: Omit<RunOptions, 'user'> = {}): RunOptions => ({
    cwd: directory,
    ...options,
    user,
    env: { S2OCI_HOME: home, ...options.env },
  });
  const s2oci = (args: readonly string[], options?: Omit<RunOptions, 'user'>) =>
    run(process.execPath, [program, ...args], withHome(options));
  return {
    user,
    directory,
    home,
    s2oci,
    start: (args, options) =>
      spawnAs(process.execPath, [program, ...args], { ...withHome(options), stdio: 'pipe' }),
    run: (command, args, options) => run(command, args, withHome(options)),
    [Symbol.asyncDispose]: async () => {
      // Trees of the store may belong to subordinate ids; the program itself has to be able to remove them.
      await s2oci(['store', 'prune']);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Processes whose environment or command line names a directory, as `pid: command line`. */
export async function processesOf(directory: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const [environment, command] = await Promise.all(
      ['environ', 'cmdline'].map((name) =>
        readFile(`/proc/${pid}/${name}`, 'latin1').catch(() => ''),
      ),
    );
    if (`${environment}${command}`.includes(directory))
      found.push(`${pid}: ${command?.replaceAll('\0', ' ')}`);
  }
  return found;
}

/** Mounts below a directory that any process still sees. */
export async function mountsOf(directory: string): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const mounts = await readFile(`/proc/${pid}/mountinfo`, 'latin1').catch(() => '');
    for (const line of mounts.split('\n')) if (line.includes(directory)) found.add(line);
  }
  return [...found];
}

/** What is left of builds in a store: scratch directories, half-written blobs and trees. */
export async function leftovers(home: string): Promise<readonly string[]> {
  const places = ['builds', 'store/ingest', 'leases'];
  const names = await Promise.all(
    places.map(async (place) =>
      (await readdir(join(home, place)).catch(() => [])).map((name) => `${place}/${name}`),
    ),
  );
  const trees = (await readdir(join(home, 'rootfs')).catch(() => [])).filter((name) =>
    name.startsWith('.'),
  );
  return [...names.flat(), ...trees];
}

/** Asserts that a command succeeded, and shows what it said when it did not. */
export function succeed(t: Test, { code, stderr }: Pick<RunResult, 'code' | 'stderr'>): void {
  t.equal(code, 0, code === 0 ? 'succeeds' : stderr);
}
