/**
 * What buildah makes of the cases, as an unprivileged user. It never changes for the same input, so it is kept outside
 * of the repository under a key of everything that it depends on.
 */

import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunResult, run, type TestUser } from '../../support/as-user.ts';
import { cacheDirectory } from '../../support/images.ts';
import type { Case } from './cases.ts';
import { type LookedAt, lookAtDirectory } from './image.ts';

/** What buildah said to a case. */
export type Answer =
  | { readonly accepted: true; readonly image: LookedAt }
  | { readonly accepted: false; readonly message: string };

/** Where buildah runs. */
export interface BuildahPlace {
  readonly user: TestUser;
  /** Belongs to the user; holds the storage. */
  readonly directory: string;
}

/** Runs buildah with a storage of its own. */
export function runBuildah(place: BuildahPlace, args: readonly string[]): Promise<RunResult> {
  const { user, directory } = place;
  const storage = ['--storage-driver', 'vfs', '--root', join(directory, 'store')];
  return run('buildah', [...storage, '--runroot', join(directory, 'run'), ...args], {
    user,
    cwd: directory,
    env: { HOME: directory, XDG_RUNTIME_DIR: directory },
  });
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
  const { code, stderr } = await runBuildah(place, [
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
