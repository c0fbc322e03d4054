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
import { run, type TestUserKind } from '../../support/as-user.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { cacheDirectory } from '../../support/images.ts';
import {
  type Answer,
  BuildahPlace,
  type BuildInput,
  buildWithBuildah,
  keepAnswer,
} from './buildah.ts';
import { type Case, casesDirectory } from './cases.ts';
import { makeContext } from './context.ts';
import { lookAtLayout } from './image.ts';
import { ManyBuilds } from './many-builds.ts';

/** Builds cases with both builders, as the same unprivileged user. */
export class Builders implements AsyncDisposable {
  readonly #bench: Workbench;
  /** Where s2oci runs as a user with one id only. */
  readonly #single: Workbench;
  readonly #builds: ManyBuilds;
  readonly #registry: DockerRegistry;
  readonly #place: BuildahPlace;
  /** Everything that buildah's answers depend on besides the case. */
  readonly #facts: readonly string[];

  private constructor(
    bench: Workbench,
    single: Workbench,
    registry: DockerRegistry,
    place: BuildahPlace,
    facts: readonly string[],
  ) {
    this.#bench = bench;
    this.#single = single;
    this.#builds = new ManyBuilds(bench);
    this.#registry = registry;
    this.#place = place;
    this.#facts = facts;
  }

  static async open(): Promise<Builders> {
    const bench = await openFilled('with-subuids');
    const single = await openFilled('without-subuids');
    const { user, directory } = bench;
    const place = await BuildahPlace.open(user, join(directory, 'buildah'));
    const facts = await factsOf();
    const base = await baseImage(place, facts);
    const registry = await startDockerRegistry();
    const args = ['copy', '--quiet', '--dest-tls-verify=false', `oci:${base}:base`];
    const { code, stderr } = await run('skopeo', [
      ...args,
      `docker://${registry.host}/base:latest`,
    ]);
    if (code !== 0) throw new Error(`the base image does not get into the registry: ${stderr}`);
    return new Builders(bench, single, registry, place, facts);
  }

  /** What buildah makes of a case, now or earlier. */
  buildah(one: Case): Promise<Answer> {
    const dockerfile = one.forBuildah?.dockerfile ?? one.dockerfile;
    const facts = [...this.#facts, dockerfile, one.buildArgs, one.target, one.ignore, one.history];
    return keepAnswer(facts, async () =>
      buildWithBuildah(
        this.#place,
        one,
        await this.#input(this.#bench, one, { dockerfile, builder: 'buildah' }),
      ),
    );
  }

  /** What s2oci makes of a case, for a user with subordinate ids or for one without. */
  async s2oci(one: Case, ids: 'many' | 'one'): Promise<Answer> {
    const bench = ids === 'many' ? this.#bench : this.#single;
    const { dockerfile } = one;
    const input = await this.#input(bench, one, { dockerfile, builder: 's2oci' });
    const failure = await (ids === 'many' ? this.#build(one, input) : this.#type(one, input));
    if (failure !== undefined) return { accepted: false, message: failure };
    return { accepted: true, image: await lookAtLayout(input.output) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#registry.close();
    await this.#place[Symbol.asyncDispose]();
    await this.#builds[Symbol.asyncDispose]();
    await this.#bench[Symbol.asyncDispose]();
    await this.#single[Symbol.asyncDispose]();
  }

  async #build(
    { buildArgs, target }: Case,
    { file, context, output }: BuildInput,
  ): Promise<string | undefined> {
    const aim = target === undefined ? {} : { target };
    const options = { file, tag: [`oci:${output}:built`], buildArg: buildArgs, ...aim };
    return (await this.#builds.build({ context, options })).failure;
  }

  /** The whole command, as a user with one id types it. */
  async #type(
    { buildArgs, target }: Case,
    { file, context, output }: BuildInput,
  ): Promise<string | undefined> {
    const { code, stderr } = await this.#single.s2oci([
      ...['builder', 'build', context, '--file', file, '--tag', `oci:${output}:built`],
      ...buildArgs.flatMap((argument) => ['--build-arg', argument]),
      ...(target === undefined ? [] : ['--target', target]),
      '--quiet',
    ]);
    return code === 0 ? undefined : stderr.trim().slice(-600);
  }

  async #input(
    { directory, user }: Workbench,
    one: Case,
    { dockerfile, builder }: { readonly dockerfile: string; readonly builder: string },
  ): Promise<BuildInput> {
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

/** Opens a workbench with a context, which its user owns; special bits do not survive a change of the owner. */
async function openFilled(kind: TestUserKind): Promise<Workbench> {
  const bench = await openWorkbench(kind);
  const { uid, gid } = bench.user;
  const inside = (name: string): string => join(bench.directory, name);
  await chmod(bench.directory, 0o755);
  await makeContext(inside('context'));
  for (const name of ['buildah', 'out']) await mkdir(inside(name));
  if (process.getuid?.() === 0) await run('chown', ['-R', '-h', `${uid}:${gid}`, bench.directory]);
  await chmod(inside('context/setuid'), 0o4755);
  return bench;
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
  const { code, stderr } = await place.buildah([
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
