/** Checks a builder image: brings it here, looks at its files as the layers recorded them, and runs nothing unless asked to. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Agent } from '../agent/index.ts';
import { asBuildError } from '../errors/index.ts';
import { StoredTree } from '../layer/index.ts';
import { byteStringOf, type Digest, type Platform } from '../model/index.ts';
import {
  assembleUserOf,
  type BuilderContract,
  type CheckFinding,
  checkBuilder,
  type ImageFile,
  type LookAt,
  parseBuilderContract,
  type ResolvedUser,
  scriptCommand,
  scriptEnvironment,
  workingDirectoryOf,
} from '../s2i/index.ts';
import { Container, type SandboxSettings } from './container.ts';
import type { BuildDeps } from './deps.ts';
import { fetchLayers } from './phases/fetch.ts';
import { type ResolvedImage, resolveImage } from './phases/resolve.ts';
import { unpackImage } from './phases/unpack.ts';

/** Which image, and how it is looked at. */
export interface CheckRequest {
  readonly image: string;
  readonly platform: Platform;
  /** Runs the usage script too. */
  readonly run: boolean;
  readonly sandbox: SandboxSettings;
}

/** What was found. */
export interface CheckReport {
  readonly image: string;
  readonly digest: Digest;
  /** No finding says that builds with it cannot work. */
  readonly ok: boolean;
  readonly findings: readonly CheckFinding[];
}

/** Bytes of a file that are looked at. */
const headBytes = 4096;
const usageSeconds = 60;
const maxUsageBytes = 1024 * 1024;

/**
 * Checks an image.
 *
 * @throws BuildError of resolving, fetching and unpacking the image
 */
export async function checkImageAt(
  deps: BuildDeps,
  request: CheckRequest,
  signal: AbortSignal,
): Promise<CheckReport> {
  await using source = await deps.images.source(request.image);
  const { value: image } = await resolveImage(source, request.platform, signal);
  await using lease = await deps.store.acquireLease();
  const agent = await deps.agent;
  const ports = { ...deps, agent, lease };
  const { value: fetched } = await fetchLayers(ports, image, signal);
  await unpackImage(ports, fetched, signal);
  const { config } = image;
  await using container = await Container.open(ports, fetched.rootfsKey, config, 'auto', signal);
  const { contract, refused } = contractOf(image);
  const user = await userOf(container, contract, signal);
  const tree = await openTree(deps, fetched.rootfsKey);
  const findings = await checkBuilder(
    {
      execution: config.execution,
      architecture: config.platform.architecture,
      layerSizes: image.manifest.layers.map(({ size }) => size),
      ...(contract === undefined ? {} : { contract }),
      ...(user === undefined ? {} : { user }),
      lookAt: lookAt(tree, agent, container),
    },
    refused,
  );
  const ran = request.run ? await runUsage(container, { contract, user }, request, signal) : [];
  const all = [...findings, ...ran];
  const ok = all.every(({ status }) => status !== 'fail');
  return { image: source.name, digest: image.descriptor.digest, ok, findings: all };
}

function contractOf({ config }: ResolvedImage): {
  readonly contract?: BuilderContract;
  readonly refused?: string;
} {
  try {
    return { contract: parseBuilderContract(config.execution, { allowRemoteScripts: true }) };
  } catch (thrown) {
    return { refused: asBuildError(thrown).message };
  }
}

async function userOf(
  container: Container,
  contract: BuilderContract | undefined,
  signal: AbortSignal,
): Promise<ResolvedUser | undefined> {
  const label = contract?.assembleUser;
  const named = assembleUserOf({
    image: container.config.execution.user,
    ...(label === undefined ? {} : { label }),
  });
  try {
    return await container.user(named.user, named, signal);
  } catch (thrown) {
    signal.throwIfAborted();
    const { code } = asBuildError(thrown);
    if (code === 'BUILDER_INVALID' || code === 'IMAGE_CONFIG_INVALID') return undefined;
    throw thrown;
  }
}

async function openTree({ store }: BuildDeps, key: string): Promise<StoredTree> {
  const rootfs = await store.rootfs.find(key);
  return StoredTree.open(rootfs?.path ?? join(store.paths.rootfs, key));
}

/** Owners come from the index, contents from the agent, which may read everything. */
function lookAt(tree: StoredTree, agent: Agent, { workspace }: Container): LookAt {
  return async (path): Promise<ImageFile | undefined> => {
    const resolved = tree.resolve(byteStringOf(path.replace(/^\/+/, '')));
    const facts = resolved === undefined ? undefined : tree.node(resolved)?.facts;
    if (facts === undefined) return undefined;
    const { mode, uid, gid } = facts;
    const kind = facts.type === 'file' || facts.type === 'directory' ? facts.type : 'other';
    if (kind !== 'file') return { kind, mode, uid, gid, head: Buffer.of() };
    const [file] = await agent.call('readFiles', { workspace, paths: [path], limit: headBytes });
    return { kind, mode, uid, gid, head: file?.head ?? Buffer.of() };
  };
}

async function runUsage(
  container: Container,
  { contract, user }: { contract: BuilderContract | undefined; user: ResolvedUser | undefined },
  { sandbox }: CheckRequest,
  signal: AbortSignal,
): Promise<readonly CheckFinding[]> {
  const url = contract?.scriptsUrl;
  if (user === undefined || url?.kind !== 'image') return [];
  const { execution } = container.config;
  const stdoutFile = join(container.workspace, 'usage.txt');
  const result = await container.run(
    'assemble',
    {
      args: scriptCommand({ execution, path: `${url.path === '/' ? '' : url.path}/usage` }),
      env: scriptEnvironment({ execution, given: [], ...(user.home ? { home: user.home } : {}) }),
      cwd: workingDirectoryOf(execution.workingDir),
      user,
      stdio: { stdoutFile, maxBytes: maxUsageBytes },
    },
    { ...sandbox, timeoutSeconds: usageSeconds },
    signal,
  );
  const text = await readFile(stdoutFile, 'utf8').catch(() => '');
  const [first = ''] = text.trim().split('\n');
  if (result.code === 0 && first !== '')
    return [{ id: 'usage runs', status: 'pass', detail: first.slice(0, 100) }];
  const how = result.timedOut
    ? `did not end within ${usageSeconds} seconds`
    : result.code === 0
      ? 'printed nothing'
      : `ended with exit code ${result.code}`;
  const fix = 'print a text on standard output and end with 0';
  return [{ id: 'usage runs', status: 'fail', detail: `the usage script ${how}`, fix }];
}
