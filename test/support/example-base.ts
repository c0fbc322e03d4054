/** The base of the example builder images, made by the script that users run, and kept between test runs. */

import { createHash } from 'node:crypto';
import { chown, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findTestUser, run } from './as-user.ts';
import { cacheDirectory } from './images.ts';

const recipe = fileURLToPath(new URL('../../examples/builders/base/', import.meta.url));
const program = fileURLToPath(new URL('../../dist/program/main.js', import.meta.url));

/** Returns the base as `oci:DIRECTORY:bookworm`, readable by everybody; makes it first when it is not kept yet. */
export async function exampleBase(): Promise<string> {
  const hash = createHash('sha256');
  for (const name of ['make-base', 'Dockerfile']) hash.update(await readFile(join(recipe, name)));
  const kept = join(cacheDirectory(), `example-base-${hash.digest('hex').slice(0, 16)}`);
  const isKept = () =>
    stat(join(kept, 'index.json')).then(
      () => true,
      () => false,
    );
  if (!(await isKept())) await make(kept);
  return `oci:${kept}:bookworm`;
}

/** The script runs as an unprivileged user, as it would for anybody. */
async function make(kept: string): Promise<void> {
  const user = await findTestUser('with-subuids');
  if (typeof user === 'string') throw new Error(user);
  const work = await mkdtemp(join(tmpdir(), 's2oci-base-'));
  await chown(work, user.uid, user.gid);
  const env = { S2OCI: `${process.execPath} ${program}`, S2OCI_HOME: join(work, 'home') };
  try {
    const image = `oci:${work}/image:bookworm`;
    const made = await run(join(recipe, 'make-base'), [image], { user, cwd: work, env });
    if (made.code !== 0) throw new Error(`the base could not be made:\n${made.stderr}`);
    const script =
      'mkdir -p "$1.new" && cp -R "$2/." "$1.new" && chmod -R a+rX "$1.new" && mv -T "$1.new" "$1"';
    const copied = await run('sh', ['-c', script, 'sh', kept, join(work, 'image')]);
    if (copied.code !== 0) throw new Error(copied.stderr);
  } finally {
    await run(process.execPath, [program, 'store', 'prune'], { user, env });
    await rm(work, { recursive: true, force: true });
  }
}
