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
import { type LookedAt, lookAt } from './image.ts';

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
  /** The text of the Dockerfile, `base` replaced. */
  readonly dockerfile: string;
  readonly context: string;
  readonly layout: string;
}

/** Builds a case. */
export async function buildWithBuildah(
  place: BuildahPlace,
  one: Case,
  { dockerfile, context, layout }: BuildInput,
): Promise<Answer> {
  const file = `${layout}.Dockerfile`;
  await writeFile(file, dockerfile);
  const { code, stderr } = await runBuildah(place, [
    'bud',
    ...['--isolation', 'chroot', '--network', 'host', '--tls-verify=false', '--pull=missing'],
    ...(one.history ? ['--layers', '--no-cache'] : []),
    ...one.buildArgs.flatMap((argument) => ['--build-arg', argument]),
    ...(one.target === undefined ? [] : ['--target', one.target]),
    ...['--file', file, '--tag', `oci:${layout}:built`, context],
  ]);
  if (code !== 0) return { accepted: false, message: stderr.trim().slice(-300) };
  return { accepted: true, image: await lookAt(layout) };
}

/** Returns a kept answer, or makes and keeps it. */
export async function cached(
  facts: readonly string[],
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
