/**
 * The build context and the Dockerfile: from a directory, a repository, an archive or standard input. What the ignore
 * file leaves out no instruction sees.
 */

import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { readAll } from '../blob/index.ts';
import { maxDockerfileSize } from '../dockerfile/index.ts';
import { BuildError } from '../errors/index.ts';
import type { BuildDeps } from '../pipeline/index.ts';
import {
  defaultExclude,
  type IgnoreRules,
  openSource,
  parseIgnoreFile,
  parseSource,
  readSourceFile,
  type SourceSpec,
  type SourceTree,
} from '../source/index.ts';
import type { DockerfileBuildRequest } from './request.ts';

/** An opened context. */
export interface OpenContext {
  /** Real path of its directory; only ever read. */
  readonly path: string;
  readonly ignore: IgnoreRules;
  /** Whether it is a directory of this machine, which the user trusts. */
  readonly isLocal: boolean;
  /** Commit time in seconds, when the files are exactly those of a commit. */
  readonly epoch?: number;
  readonly dockerfile: { readonly name: string; readonly text: string };
  readonly warnings: readonly string[];
}

/** What opening works through. */
export type ContextDeps = Pick<BuildDeps, 'store' | 'stdin' | 'reporter' | 'now' | 'env'>;

const defaultNames = ['Dockerfile', 'Containerfile'];
const maxIgnoreSize = 16 * 1024 * 1024;

/**
 * Opens the context; what it takes on disk goes with `resources`.
 *
 * @throws BuildError `SOURCE_INVALID`, `SOURCE_NOT_FOUND`, `SOURCE_FETCH_FAILED`, `PATH_UNSAFE`, `USAGE_INVALID`, `LIMIT_EXCEEDED`
 */
export async function openContext(
  deps: ContextDeps,
  request: Pick<DockerfileBuildRequest, 'context' | 'dockerfile' | 'directory'>,
  resources: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<OpenContext> {
  if (request.context === '-' && request.dockerfile === '-')
    throw new BuildError(
      'USAGE_INVALID',
      'context and Dockerfile cannot both come from standard input',
    );
  const scratch = resources.use(await deps.store.createScratch());
  const typed = request.context === '-' ? await readTyped(deps.stdin) : { stdin: deps.stdin };
  if ('text' in typed) return dockerfileAlone(typed.text, scratch.path);
  const spec = contextSpec(request);
  const tree = resources.use(
    await openSource(
      { ...deps, stdin: typed.stdin, scratchDir: scratch.path },
      { spec, exclude: '' },
      signal,
    ),
  );
  const dockerfile = await readDockerfile(deps.stdin, request, spec, tree);
  const ignore = await readIgnore(tree.path, dockerfile);
  return {
    path: tree.path,
    isLocal: spec.kind === 'local',
    ignore: { ...ignore.rules, exclude: spec.kind === 'git' ? defaultExclude : '' },
    ...(tree.epoch === undefined ? {} : { epoch: tree.epoch }),
    dockerfile,
    warnings: ignore.warnings,
  };
}

/** Tells an archive on standard input from a Dockerfile: text holds no NUL and begins with no magic number. */
async function readTyped(
  stdin: Readable,
): Promise<{ readonly text: string } | { readonly stdin: Readable }> {
  const iterator = stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const chunks: Buffer[] = [];
  let length = 0;
  let isArchive = false;
  while (!isArchive) {
    const { value, done } = await iterator.next();
    if (done === true) return { text: Buffer.concat(chunks).toString('utf8') };
    chunks.push(value);
    length += value.length;
    const isGzip = chunks[0]?.toString('hex', 0, 2) === '1f8b';
    isArchive = isGzip || value.includes(0) || length > maxDockerfileSize;
  }
  async function* whole(): AsyncGenerator<Buffer> {
    yield* chunks;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { stdin: Readable.from(whole(), { objectMode: false }) };
}

async function dockerfileAlone(text: string, scratch: string): Promise<OpenContext> {
  const path = join(scratch, 'empty');
  await mkdir(path);
  const dockerfile = { name: 'Dockerfile', text };
  return { path, isLocal: true, ignore: { exclude: '' }, dockerfile, warnings: [] };
}

/** Of a repository, `#ref:directory` names a directory in it, too. */
function contextSpec({
  context,
  directory,
}: Pick<DockerfileBuildRequest, 'context' | 'directory'>): SourceSpec {
  const [, address = '', ref = '', inside = ''] = /^([^#]+)#([^:]*):(.+)$/.exec(context) ?? [];
  if (address === '') return anchored(parseSource(context), directory);
  const options = { ...(ref === '' ? {} : { ref }), contextDir: inside };
  return anchored(parseSource(address, options), directory);
}

function anchored(spec: SourceSpec, directory: string): SourceSpec {
  if (spec.kind !== 'local') return spec;
  const literalPath = resolve(directory, spec.literalPath);
  return { ...spec, path: resolve(directory, spec.path), literalPath };
}

interface FoundDockerfile {
  readonly name: string;
  readonly text: string;
  /** The ignore file that belongs to it alone. */
  readonly ownIgnore?: Buffer;
}

async function readDockerfile(
  stdin: Readable,
  { dockerfile, directory }: Pick<DockerfileBuildRequest, 'dockerfile' | 'directory'>,
  spec: SourceSpec,
  tree: SourceTree,
): Promise<FoundDockerfile> {
  if (dockerfile === '-') {
    const bytes = await readAll(stdin, maxDockerfileSize);
    return { name: 'Dockerfile', text: bytes.toString('utf8') };
  }
  const names = dockerfile === undefined ? defaultNames : [dockerfile];
  if (dockerfile !== undefined && spec.kind === 'local') {
    const path = resolve(directory, dockerfile);
    const outside = await readIfAny(path);
    if (outside !== undefined)
      return found(dockerfile, outside, await readIfAny(`${path}.dockerignore`));
  }
  for (const name of names) {
    const bytes = await readSourceFile(tree.path, name, maxDockerfileSize);
    if (bytes === undefined) continue;
    return found(
      name,
      bytes,
      await readSourceFile(tree.path, `${name}.dockerignore`, maxIgnoreSize),
    );
  }
  throw new BuildError('SOURCE_NOT_FOUND', `the context has no ${names.join(' and no ')}`, {
    origin: 'source',
    suggestion: 'name the Dockerfile with -f, or check the path of the context',
  });
}

function found(name: string, bytes: Buffer, ownIgnore: Buffer | undefined): FoundDockerfile {
  const text = bytes.toString('utf8');
  return { name, text, ...(ownIgnore === undefined ? {} : { ownIgnore }) };
}

async function readIfAny(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined;
    throw error;
  }
}

/** The ignore file of the Dockerfile wins over that of the context, whole. */
async function readIgnore(root: string, { name, ownIgnore }: FoundDockerfile) {
  const shared = '.dockerignore';
  const bytes = ownIgnore ?? (await readSourceFile(root, shared, maxIgnoreSize));
  if (bytes === undefined) return { rules: {}, warnings: [] };
  const file = ownIgnore === undefined ? shared : `${name}.dockerignore`;
  const { warnings, ...parsed } = parseIgnoreFile(bytes.toString('utf8'), file, 'dockerignore');
  return { rules: { file: parsed }, warnings };
}
