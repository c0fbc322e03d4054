/**
 * `--as-dockerfile`: writes a build down as a Dockerfile and its context instead of running it. Of the builder
 * image only its config is looked at, and where that cannot be had the defaults of the contract stand in.
 */

import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { asBuildError, BuildError } from '../errors/index.ts';
import { copyTree, removeTree } from '../layer/index.ts';
import type { ExecutionConfig } from '../model/index.ts';
import {
  type BuilderContract,
  checkSuppliedScripts,
  type DockerfileInput,
  defaultDestination,
  destinationOf,
  generateDockerfile,
  generatedLabels,
  type Injection,
  labelsFrom,
  mergeEnvironment,
  mergeLabels,
  parseBuilderContract,
  parseScriptsUrl,
  type ScriptName,
  type ScriptsUrl,
  workingDirectoryOf,
} from '../s2i/index.ts';
import { compileIgnore, type SourceTree } from '../source/index.ts';
import type { BuildDeps } from './deps.ts';
import { listInjections } from './injections.ts';
import { openBuildSource } from './open-source.ts';
import {
  type OutsideScripts,
  readScriptsAt,
  readScriptsOf,
  readSourceScripts,
} from './outside-scripts.ts';
import { resolveImage } from './phases/resolve.ts';
import { readSourceEnvironment } from './phases/source.ts';
import { writeReportFile } from './report-files.ts';
import type { BuildRequest } from './request.ts';

/** What writing a Dockerfile works through: all of a build's ports but the agent. */
export type DockerfileDeps = Omit<BuildDeps, 'agent'>;

/** What was written. */
export interface WrittenDockerfile {
  readonly path: string;
  readonly warnings: readonly string[];
}

/** The working directory of builder images that nobody could ask. */
const defaultWorkingDirectory = '/opt/app-root/src';

/** What is known about the builder image. */
interface KnownBuilder {
  readonly execution?: ExecutionConfig;
  readonly contract: BuilderContract;
  readonly warnings: readonly string[];
}

/**
 * Writes the Dockerfile to `file` (or into it, when it is a directory) and the context beside it; `upload` there is
 * replaced.
 *
 * @throws BuildError `USAGE_INVALID` when the source holds the context, and the errors of source, scripts and disk
 */
export async function writeDockerfile(
  deps: DockerfileDeps,
  request: BuildRequest,
  file: string,
  signal: AbortSignal,
): Promise<WrittenDockerfile> {
  await using resources = new AsyncDisposableStack();
  const path = await dockerfilePath(file);
  const builder = await inspectBuilder(deps, request, signal);
  const tree = resources.use(await openBuildSource(deps, request, resources, signal));
  const upload = join(dirname(path), 'upload');
  if (`${upload}/`.startsWith(`${tree.path}/`)) {
    throw new BuildError('USAGE_INVALID', 'the Dockerfile cannot be written into the source', {
      suggestion: 'name a file in another directory with --as-dockerfile',
    });
  }
  // A Dockerfile that is there has all of its context.
  await rm(path, { force: true });
  await removeTree(upload);
  await mkdir(upload, { recursive: true });
  const scripts = await supplyScripts(deps, request, { tree, builder }, signal);
  const ignore = { ...tree.ignore, moved: scripts.moved };
  await copySource({ path: tree.path, ignore }, join(upload, 'src'), signal);
  await writeScripts(scripts.found, join(upload, 'scripts'));
  const { execution } = builder;
  const cwd =
    execution === undefined ? defaultWorkingDirectory : workingDirectoryOf(execution.workingDir);
  const injections = await listInjections(request.injections, cwd);
  await copyInjections(injections, join(upload, 'injections'));
  const source = await readSourceEnvironment(tree);
  const input = { builder, scripts, tree, injections, environment: source.environment };
  await writeReportFile(path, generateDockerfile(dockerfileInput(request, input)));
  return { path, warnings: [...builder.warnings, ...scripts.warnings, ...source.warnings] };
}

async function dockerfilePath(file: string): Promise<string> {
  const path = resolve(file);
  const isDirectory =
    file.endsWith('/') || (await stat(path).catch(() => undefined))?.isDirectory() === true;
  return isDirectory ? join(path, 'Dockerfile') : path;
}

async function inspectBuilder(
  { images }: DockerfileDeps,
  request: BuildRequest,
  signal: AbortSignal,
): Promise<KnownBuilder> {
  try {
    await using source = await images.source(request.builder);
    const { value } = await resolveImage(source, request.platform, signal);
    const { execution } = value.config;
    const contract = parseBuilderContract(execution, {
      allowRemoteScripts: request.allowRemoteScripts,
      scriptsUrlGiven: request.scriptsUrl !== undefined,
    });
    return { execution, contract, warnings: contract.warnings };
  } catch (thrown) {
    signal.throwIfAborted();
    const { message } = asBuildError(thrown);
    const contract = { destination: defaultDestination, warnings: [] };
    return { contract, warnings: [`the builder image cannot be looked at: ${message}`] };
  }
}

/** Copies a source without what it leaves out. */
export async function copySource(
  tree: Pick<SourceTree, 'path' | 'ignore'>,
  to: string,
  signal: AbortSignal,
): Promise<void> {
  const ignored = compileIgnore(tree.ignore);
  await copyTree(
    tree.path,
    to,
    {
      filter: (path, isDirectory) =>
        isDirectory ? !ignored.prunes(path) : !ignored.ignores(path, false),
      symlinks: 'preserve',
    },
    signal,
  );
}

interface SuppliedScripts {
  readonly url: ScriptsUrl | undefined;
  readonly found: OutsideScripts;
  readonly fromUrl: ReadonlySet<ScriptName>;
  /** Those of the source, by their paths there. */
  readonly moved: readonly string[];
  readonly warnings: readonly string[];
}

async function supplyScripts(
  { http }: DockerfileDeps,
  { scriptsUrl }: BuildRequest,
  { tree, builder }: Pick<Gathered, 'tree' | 'builder'>,
  signal: AbortSignal,
): Promise<SuppliedScripts> {
  const url =
    scriptsUrl === undefined
      ? undefined
      : parseScriptsUrl(scriptsUrl, { from: 'user', what: '--scripts-url', allowRemote: true });
  const atUrl = await readScriptsAt(http, url, 'any', signal);
  const ofImage = await readScriptsOf(http, builder.contract, signal);
  const inSource = await readSourceScripts(tree.path);
  const found = new Map([...ofImage, ...inSource, ...atUrl]);
  const moved = [...inSource].flatMap(([name, { from }]) => (atUrl.has(name) ? [] : [from]));
  const warnings = [...found.values()].flatMap((script) => script.warnings);
  return { url, found, fromUrl: new Set(atUrl.keys()), moved, warnings };
}

async function writeScripts(scripts: OutsideScripts, directory: string): Promise<void> {
  if (scripts.size > 0) await mkdir(directory);
  for (const [name, { content }] of scripts)
    await writeFile(join(directory, name), content, { mode: 0o755 });
}

async function copyInjections(files: readonly Injection[], directory: string): Promise<void> {
  for (const { source } of files) {
    await mkdir(join(directory, dirname(source)), { recursive: true });
    await copyFile(source, join(directory, dirname(source), basename(source)));
  }
}

interface Gathered {
  readonly builder: KnownBuilder;
  readonly scripts: SuppliedScripts;
  readonly tree: SourceTree;
  readonly injections: readonly Injection[];
  readonly environment: readonly string[];
}

function dockerfileInput(request: BuildRequest, gathered: Gathered): DockerfileInput {
  const { builder, scripts, tree, injections } = gathered;
  const { contract, execution } = builder;
  const user = request.assembleUser ?? contract.assembleUser;
  const input = {
    builder: request.builder,
    destination: destinationOf(contract, request.destination),
    supplied: new Set(scripts.found.keys()),
    injections,
    labels: dockerfileLabels(request, tree),
    environment: mergeEnvironment(gathered.environment, request.env),
    ...(scripts.url === undefined ? {} : { scriptsUrl: scripts.url }),
    ...(contract.scriptsUrl === undefined ? {} : { builderScriptsUrl: contract.scriptsUrl }),
    ...imageScriptsUrlOf(request),
    ...(request.incremental ? { previousImage: request.tag } : {}),
    ...(execution === undefined
      ? {}
      : { imageUser: execution.user, entrypoint: execution.entrypoint }),
    ...assembleUserOf(user, execution),
  };
  checkSuppliedScripts(input, scripts.fromUrl);
  return input;
}

/** Where the image is known, its own user runs assemble as in a build; `0` says root aloud. */
function assembleUserOf(user: string | undefined, execution: ExecutionConfig | undefined) {
  if (user !== undefined && user !== '') return { assembleUser: user };
  return execution === undefined ? {} : { assembleUser: execution.user || '0' };
}

function imageScriptsUrlOf({ imageScriptsUrl }: BuildRequest) {
  if (imageScriptsUrl === undefined) return {};
  const origin = { from: 'user', what: '--image-scripts-url' } as const;
  return { imageScriptsUrl: parseScriptsUrl(imageScriptsUrl, origin) };
}

function dockerfileLabels(request: BuildRequest, tree: SourceTree) {
  const { builder, tag, displayName, description, labels, scriptsUrl, destination } = request;
  const given = {
    ...(scriptsUrl === undefined ? {} : { 'io.openshift.s2i.scripts-url': scriptsUrl }),
    ...(destination === undefined ? {} : { 'io.openshift.s2i.destination': destination }),
  };
  return mergeLabels(
    generatedLabels({
      builder,
      displayName: displayName ?? tag,
      source: tree.info,
      ...(description === undefined ? {} : { description }),
    }),
    labelsFrom(Object.entries({ ...given, ...labels })),
  );
}
