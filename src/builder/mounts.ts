/**
 * `RUN --mount`: what a process sees that is no part of its layer. Files of the context, of stages and of images are
 * shown through a writable view of their own, which is thrown away: no path in them can lead anywhere else, and no
 * write reaches what they came from.
 */

import { posix } from 'node:path';
import type { MountRequest } from '../agent/index.ts';
import type { BindMount, CacheMount, Mount, SecretMount, SshMount } from '../dockerfile/index.ts';
import { BuildError } from '../errors/index.ts';
import { digestOf } from '../model/index.ts';
import { Container, mountSsh, openSsh, readSecret } from '../pipeline/index.ts';
import { pathIn } from './metadata.ts';
import { chainOf, imageConfigOf, type StageLayer, scratchState } from './stage-state.ts';
import type { Step, StepContext } from './step.ts';

/** What a process is given. */
export interface OpenMounts {
  readonly mounts: readonly MountRequest[];
  readonly environment: readonly string[];
}

/** Describes the mounts of a RUN for its cache key: what is in secrets and caches is no part of it. */
export async function mountInputs(context: StepContext, { mounts }: Step<'run'>) {
  const described = mounts.map(async (mount, i) => {
    const hasContent = mount.type === 'bind' || (mount.type === 'cache' && mount.from);
    const value = hasContent ? [mount, await contentOf(context, mount)] : [mount];
    return { label: `mount ${i + 1}`, value: JSON.stringify(value) };
  });
  return Promise.all(described);
}

async function contentOf(context: StepContext, mount: BindMount | CacheMount): Promise<string> {
  if (mount.from !== undefined) {
    const { layers } = await context.input(mount.from);
    return chainOf({ layers }) ?? 'empty';
  }
  const { workshop, signal } = context;
  const { path, ignore } = workshop.context;
  const agent = await workshop.agent();
  const source = {
    kind: 'directory',
    path,
    ignore,
    patterns: [mount.source],
    unpack: false,
  } as const;
  const selection = { sources: [source], exclude: [], parents: false };
  return digestOf(JSON.stringify(await agent.call('digestFiles', selection, { signal })));
}

/**
 * Makes what the mounts of a RUN need.
 *
 * @param resources takes what has to live as long as the process
 * @throws BuildError `USAGE_INVALID` for a secret or agent that is required and not given, `SOURCE_NOT_FOUND`
 */
export async function openMounts(
  context: StepContext,
  step: Step<'run'>,
  resources: AsyncDisposableStack,
): Promise<OpenMounts> {
  const mounts: MountRequest[] = [];
  const environment: string[] = [];
  for (const mount of step.mounts) {
    const opened = await openMount(context, mount, resources);
    mounts.push(...opened.mounts);
    environment.push(...opened.environment);
  }
  return { mounts, environment };
}

const nothing: OpenMounts = { mounts: [], environment: [] };

async function openMount(
  context: StepContext,
  mount: Mount,
  resources: AsyncDisposableStack,
): Promise<OpenMounts> {
  const place = (target: string) => pathIn(context.state.config, target);
  switch (mount.type) {
    case 'tmpfs': {
      const size = mount.size === undefined ? {} : { sizeBytes: mount.size };
      return { ...nothing, mounts: [{ kind: 'tmpfs', target: place(mount.target), ...size }] };
    }
    case 'cache':
      return { ...nothing, mounts: [await openCache(context, mount, resources)] };
    case 'bind':
      return { ...nothing, mounts: [await openBind(context, mount, resources)] };
    case 'secret':
      return openSecret(context, mount);
    case 'ssh':
      return openAgent(context, mount, resources);
  }
}

/** What a new cache begins with is copied out of a view of it, so no link in it leads anywhere else. */
async function openCache(
  context: StepContext,
  mount: CacheMount,
  resources: AsyncDisposableStack,
): Promise<MountRequest> {
  const { id, sharing, readOnly, attributes, from, source } = mount;
  const target = pathIn(context.state.config, mount.target);
  const ownership =
    attributes === undefined
      ? {}
      : { owner: { uid: attributes.uid, gid: attributes.gid }, mode: attributes.mode };
  const plain = { kind: 'cache', id, target, sharing, readOnly, ...ownership } as const;
  if (from === undefined) return plain;
  const { layers } = await context.input(from);
  const path = posix.resolve('/', source);
  const container = await openView(context, layers, resources);
  const [facts] = await container.look([path], 0);
  if (facts?.kind !== 'directory')
    throw new BuildError('SOURCE_NOT_FOUND', `there is no directory ${path} in ${from}`);
  const name = JSON.stringify([chainOf({ layers }) ?? 'empty', path]);
  return { ...plain, seed: { workspace: container.workspace, path, name } };
}

/** A view of some layers that is thrown away with the step. */
async function openView(
  { workshop, state, signal }: StepContext,
  layers: readonly StageLayer[],
  resources: AsyncDisposableStack,
): Promise<Container> {
  const key = await workshop.rootfs(layers, signal);
  const deps = { ...workshop.deps, agent: await workshop.agent() };
  const config = imageConfigOf(scratchState(state.platform));
  const { storage } = workshop.request;
  return resources.use(await Container.open(deps, key, config, storage, signal));
}

async function openBind(
  context: StepContext,
  mount: BindMount,
  resources: AsyncDisposableStack,
): Promise<MountRequest> {
  const isContext = mount.from === undefined;
  const layers = isContext
    ? await contextLayers(context, mount.source)
    : (await context.input(mount.from as string)).layers;
  const container = await openView(context, layers, resources);
  const path = isContext ? contextPlace : posix.resolve('/', mount.source);
  if (!(await container.existing([path])).has(path))
    throw new BuildError(
      'SOURCE_NOT_FOUND',
      `there is no ${path} in ${mount.from ?? 'the context'}`,
    );
  return {
    kind: 'workspace',
    workspace: container.workspace,
    path,
    target: pathIn(context.state.config, mount.target),
    readOnly: mount.readOnly,
  };
}

/** Where the mounted part of the context lies in its own root file system. */
const contextPlace = '/context';

/** The mounted part of the context as a layer of its own, which is no part of any image. */
async function contextLayers(
  { workshop, signal }: StepContext,
  pattern: string,
): Promise<readonly StageLayer[]> {
  const { path, ignore } = workshop.context;
  return workshop.memo(`context ${pattern}`, async () => {
    await using scratch = await workshop.deps.store.createScratch();
    const agent = await workshop.agent();
    const source = { kind: 'directory', path, ignore, patterns: [pattern], unpack: false } as const;
    const layer = await agent.call(
      'copyFiles',
      {
        ...{
          sources: [source],
          exclude: [],
          parents: false,
          layers: [],
          destination: contextPlace,
        },
        ...{ epoch: workshop.epoch, timestamps: 'preserve', compression: 'none' },
        spool: scratch.path,
      },
      { signal },
    );
    return layer === undefined ? [] : [workshop.storedLayer(layer, 'none')];
  });
}

async function openSecret(context: StepContext, mount: SecretMount): Promise<OpenMounts> {
  const { deps, request } = context.workshop;
  const { id, uid, gid, mode, variable } = mount;
  const given = request.secrets.find((secret) => secret.id === id);
  if (given === undefined) {
    if (!mount.required) return nothing;
    throw notGiven('secret', id, `--secret id=${id},src=FILE`);
  }
  const value = await readSecret(given, deps.env);
  const target = pathIn(context.state.config, mount.target ?? `/run/s2oci/secrets/${id}`);
  const environment =
    variable === undefined ? [] : [`${variable}=${Buffer.from(value).toString('utf8')}`];
  return {
    mounts: [{ kind: 'secret', id, value, target, owner: { uid, gid }, mode }],
    environment,
  };
}

async function openAgent(
  context: StepContext,
  mount: SshMount,
  resources: AsyncDisposableStack,
): Promise<OpenMounts> {
  const { workshop, signal } = context;
  const { deps, request } = workshop;
  const given = request.ssh.find(({ id }) => id === mount.id);
  if (given === undefined) {
    if (!mount.required) return nothing;
    throw notGiven('ssh agent', mount.id, `--ssh ${mount.id}`);
  }
  const scratch = resources.use(await deps.store.createScratch());
  const { socket } = resources.use(await openSsh(given, deps.env, scratch.path, signal));
  const { uid, gid, mode } = mount;
  const plain = mountSsh(mount.id, socket, { uid, gid });
  const target = mount.target ?? plain.target;
  return { mounts: [{ ...plain, target, mode }], environment: [`SSH_AUTH_SOCK=${target}`] };
}

function notGiven(what: string, id: string, option: string): BuildError {
  return new BuildError('USAGE_INVALID', `the ${what} ${JSON.stringify(id)} was not given`, {
    suggestion: `give it with ${option}`,
  });
}
