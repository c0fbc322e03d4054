/** Everything that the cases are built with: a registry with the base image, contexts, and the two builders. */

import { createHash } from 'node:crypto';
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openWorkbench, type Workbench } from '../../e2e/support.ts';
import { run } from '../../support/as-user.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { cacheDirectory } from '../../support/images.ts';
import {
  type Answer,
  type BuildahPlace,
  buildWithBuildah,
  keepAnswer,
  runBuildah,
} from './buildah.ts';
import { type Case, casesDirectory } from './cases.ts';
import { makeContext } from './context.ts';
import { lookAtLayout } from './image.ts';

/** Builds cases with both builders, as the same unprivileged user. */
export class Builders implements AsyncDisposable {
  readonly #bench: Workbench;
  readonly #registry: DockerRegistry;
  readonly #place: BuildahPlace;
  /** Everything that buildah's answers depend on besides the case. */
  readonly #facts: readonly string[];

  private constructor(
    bench: Workbench,
    registry: DockerRegistry,
    place: BuildahPlace,
    facts: readonly string[],
  ) {
    this.#bench = bench;
    this.#registry = registry;
    this.#place = place;
    this.#facts = facts;
  }

  static async open(): Promise<Builders> {
    const bench = await openWorkbench();
    const { user, directory } = bench;
    await chmod(directory, 0o755);
    const place = { user, directory: join(directory, 'buildah') };
    await makeContext(join(directory, 'context'));
    for (const name of ['buildah', 'out']) await mkdir(join(directory, name));
    await giveTo(bench);
    const facts = await factsOf();
    const base = await baseImage(place, facts);
    const registry = await startDockerRegistry();
    const args = ['copy', '--quiet', '--dest-tls-verify=false', `oci:${base}:base`];
    const { code, stderr } = await run('skopeo', [
      ...args,
      `docker://${registry.host}/base:latest`,
    ]);
    if (code !== 0) throw new Error(`the base image does not get into the registry: ${stderr}`);
    return new Builders(bench, registry, place, facts);
  }

  /** What buildah makes of a case, now or earlier. */
  buildah(one: Case): Promise<Answer> {
    const dockerfile = one.forBuildah?.dockerfile ?? one.dockerfile;
    const facts = [...this.#facts, dockerfile, one.buildArgs, one.target, one.ignore, one.history];
    return keepAnswer(facts, async () =>
      buildWithBuildah(this.#place, one, await this.#input(one, dockerfile, 'buildah')),
    );
  }

  /** What s2oci makes of a case. */
  async s2oci(one: Case): Promise<Answer & { readonly code?: number }> {
    const { file, context, output } = await this.#input(one, one.dockerfile, 's2oci');
    const { code, stderr } = await this.#bench.s2oci([
      ...['builder', 'build', context, '--file', file, '--tag', `oci:${output}:built`],
      ...one.buildArgs.flatMap((argument) => ['--build-arg', argument]),
      ...(one.target === undefined ? [] : ['--target', one.target]),
      '--quiet',
    ]);
    if (code !== 0) return { accepted: false, message: stderr.trim().slice(-600), code };
    return { accepted: true, image: await lookAtLayout(output) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#registry.close();
    // What buildah unpacked belongs to subordinate ids.
    const unshare = ['unshare', 'rm', '-rf', join(this.#place.directory, 'store')];
    await run('buildah', unshare, { user: this.#place.user, env: { HOME: this.#place.directory } });
    await this.#bench[Symbol.asyncDispose]();
  }

  async #input(one: Case, dockerfile: string, builder: string) {
    const { directory, user } = this.#bench;
    const output = join(directory, 'out', `${one.name}.${builder}`);
    const file = `${output}.Dockerfile`;
    await writeFile(file, dockerfile.replaceAll(baseWord, `${this.#registry.host}/base`));
    await chown(file, user.uid, user.gid);
    const context = join(directory, one.ignore.length === 0 ? 'context' : `context-${one.name}`);
    if (one.ignore.length > 0) {
      await run('cp', ['--archive', '--link', '-T', join(directory, 'context'), context]);
      await writeFile(join(context, '.dockerignore'), `${one.ignore.join('\n')}\n`);
    }
    return { file, context, output };
  }
}

/** The word `base` where an image stands. */
const baseWord =
  /(?<=^\ufeff?FROM (?:--platform=\S+ )?(?:\$\{NONE:-)?|--from=|^ARG IMAGE=)base(?=$|[\s:}])/gim;

/** The user owns the context; special bits do not survive a change of the owner. */
async function giveTo({ user, directory }: Workbench): Promise<void> {
  const { uid, gid } = user;
  if (process.getuid?.() === 0) await run('chown', ['-R', '-h', `${uid}:${gid}`, directory]);
  await chmod(join(directory, 'context/setuid'), 0o4755);
}

async function factsOf(): Promise<readonly string[]> {
  const busybox = createHash('sha256')
    .update(await readFile('/bin/busybox'))
    .digest('hex');
  const { stdout: version } = await run('buildah', ['--version']);
  const texts = ['buildah.ts', 'context.ts', 'image.ts'].map((name) =>
    readFile(join(import.meta.dirname, name), 'utf8'),
  );
  const recipe = readFile(join(casesDirectory, 'base.Dockerfile'), 'utf8');
  return [version, busybox, ...(await Promise.all([...texts, recipe]))];
}

/** The layout of the base image, which buildah itself makes once and which is kept. */
async function baseImage(place: BuildahPlace, facts: readonly string[]): Promise<string> {
  const key = createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16);
  const kept = join(cacheDirectory(), `dockerfile-base-${key}`);
  if (await stat(join(kept, 'index.json')).catch(() => undefined)) return kept;
  const draft = await mkdtemp(join(tmpdir(), 's2oci-base-'));
  await chmod(draft, 0o777);
  await cp('/bin/busybox', join(draft, 'busybox'));
  const { code, stderr } = await runBuildah(place, [
    ...['bud', '--layers', '--isolation', 'chroot', '--network', 'host'],
    ...[
      '--file',
      join(casesDirectory, 'base.Dockerfile'),
      '--tag',
      `oci:${draft}/image:base`,
      draft,
    ],
  ]);
  if (code !== 0) throw new Error(`buildah cannot make the base image: ${stderr}`);
  await mkdir(cacheDirectory(), { recursive: true });
  await run('cp', ['--recursive', join(draft, 'image'), `${kept}.${process.pid}`]);
  await rename(`${kept}.${process.pid}`, kept);
  await rm(draft, { recursive: true, force: true });
  return kept;
}
