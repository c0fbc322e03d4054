/**
 * What buildah makes of the cases, as an unprivileged user. It never changes for the same input, so it is kept outside
 * of the repository under a key of everything that it depends on.
 */

import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type RunResult, run, spawnAs, type TestUser } from '../../support/as-user.ts';
import { cacheDirectory } from '../../support/images.ts';
import type { Case } from './cases.ts';
import { type LookedAt, lookAtDirectory } from './image.ts';

/** What buildah said to a case. */
export type Answer =
  | { readonly accepted: true; readonly image: LookedAt }
  | { readonly accepted: false; readonly message: string };

/**
 * Where buildah runs: one user namespace for all builds, with its storage in memory, because most of the time of a small
 * build goes to making namespaces and to waiting for the disk. Disposing ends the namespace, and all that was in it is gone.
 */
export class BuildahPlace implements AsyncDisposable {
  readonly #user: TestUser;
  readonly #directory: string;
  /** Lives in the namespace until its input ends. */
  readonly #holder: ChildProcess;
  readonly #pid: string;

  private constructor(user: TestUser, directory: string, holder: ChildProcess, pid: string) {
    this.#user = user;
    this.#directory = directory;
    this.#holder = holder;
    this.#pid = pid;
  }

  /** Makes the namespace of a user; the directory belongs to the user. */
  static async open(user: TestUser, directory: string): Promise<BuildahPlace> {
    const hold = 'mkdir memory && mount -t tmpfs none memory && echo $$ && exec cat';
    const holder = spawnAs('buildah', ['unshare', 'sh', '-c', hold], {
      ...{ user, cwd: directory, env: environmentIn(directory) },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: holder.stdout as Readable }))
      return new BuildahPlace(user, directory, holder, line);
    throw new Error('buildah makes no user namespace');
  }

  /** Runs buildah to its end. */
  buildah(args: readonly string[]): Promise<RunResult> {
    const enter = ['--target', this.#pid, '--user', '--mount', '--'];
    const memory = join(this.#directory, 'memory');
    const places = ['--root', join(memory, 'root'), '--runroot', join(memory, 'run')];
    const storage = ['--storage-driver', 'vfs', ...places];
    return run('nsenter', [...enter, 'buildah', ...storage, ...args], {
      user: this.#user,
      cwd: this.#directory,
      env: {
        ...environmentIn(this.#directory),
        // as `buildah unshare` tells those that it starts
        _CONTAINERS_USERNS_CONFIGURED: 'done',
        _CONTAINERS_ROOTLESS_UID: String(this.#user.uid),
        _CONTAINERS_ROOTLESS_GID: String(this.#user.gid),
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#holder, 'exit');
    this.#holder.stdin?.end();
    await ended;
  }
}

function environmentIn(directory: string): Readonly<Record<string, string>> {
  return { HOME: directory, XDG_RUNTIME_DIR: directory };
}

/** What a build needs besides its case. */
export interface BuildInput {
  /** The Dockerfile, a file. */
  readonly file: string;
  readonly context: string;
  /** Where the image goes. */
  readonly output: string;
}

/** Builds a case. Only Docker's format has a place for SHELL, ONBUILD, HEALTHCHECK and MAINTAINER. */
export async function buildWithBuildah(
  place: BuildahPlace,
  one: Case,
  { file, context, output }: BuildInput,
): Promise<Answer> {
  const { code, stderr } = await place.buildah([
    'bud',
    ...['--isolation', 'chroot', '--network', 'host', '--format', 'docker'],
    ...['--tls-verify=false', '--pull=missing'],
    ...(one.history ? ['--layers', '--no-cache'] : []),
    ...one.buildArgs.flatMap((argument) => ['--build-arg', argument]),
    ...(one.target === undefined ? [] : ['--target', one.target]),
    ...['--file', file, '--tag', `dir:${output}`, context],
  ]);
  if (code !== 0) return { accepted: false, message: stderr.trim().slice(-300) };
  return { accepted: true, image: await lookAtDirectory(output) };
}

/** Returns a kept answer, or makes and keeps it. */
export async function keepAnswer(
  facts: readonly unknown[],
  make: () => Promise<Answer>,
): Promise<Answer> {
  const key = createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 24);
  const directory = join(cacheDirectory(), 'buildah-answers');
  const path = join(directory, `${key}.json`);
  const kept = await readFile(path, 'utf8').catch(() => undefined);
  if (kept !== undefined) return JSON.parse(kept);
  const answer = await make();
  await mkdir(directory, { recursive: true });
  await writeFile(`${path}.${process.pid}`, JSON.stringify(answer));
  await rename(`${path}.${process.pid}`, path);
  return answer;
}
