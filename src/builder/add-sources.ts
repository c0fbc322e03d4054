/** Sources of ADD that are not in the context: files and repositories that are fetched first. */

import { join, posix } from 'node:path';
import type { CopySource } from '../agent/index.ts';
import { BuildError } from '../errors/index.ts';
import type { Digest } from '../model/index.ts';
import { defaultExclude, downloadToFile, openSource, parseSource } from '../source/index.ts';
import type { Step, StepContext } from './step.ts';

/** The sources of an instruction by where they are. */
export interface FetchedSources {
  /** Patterns in the context. */
  readonly local: readonly string[];
  readonly fetched: readonly CopySource[];
}

const maxDownload = 16 * 2 ** 30;
const repository =
  /^(?:git:\/\/|ssh:\/\/|git@[^/]+:|https?:\/\/[^#]+\.git(?:[#?].*)?$|https?:\/\/[^#]+\.git\/?#)/i;

/**
 * Fetches what an ADD names by address; everything is local to a COPY.
 *
 * @throws BuildError `SOURCE_FETCH_FAILED`, `SOURCE_NOT_FOUND`, `DIGEST_MISMATCH`, `LIMIT_EXCEEDED`
 */
export async function fetchSources(
  context: StepContext,
  step: Step<'copy' | 'add'>,
): Promise<FetchedSources> {
  if (step.kind === 'copy') return { local: step.sources, fetched: [] };
  const fetched: CopySource[] = [];
  const local: string[] = [];
  for (const source of step.sources) {
    if (repository.test(source)) fetched.push(await clone(context, step, source));
    else if (/^https?:\/\//i.test(source)) fetched.push(await download(context, step, source));
    else local.push(source);
  }
  return { local, fetched };
}

async function download(
  { workshop, isTrusted, signal }: StepContext,
  step: Step<'copy' | 'add'>,
  address: string,
): Promise<CopySource> {
  const { deps, resources } = workshop;
  const scratch = resources.use(await deps.store.createScratch());
  const path = join(scratch.path, 'download');
  const digest = step.checksum === undefined ? {} : { digest: step.checksum as Digest };
  // What came from elsewhere must not make this machine ask its own network.
  const reach = isTrusted ? 'any' : 'public';
  const request = { url: address, path, maxBytes: maxDownload, reach, ...digest } as const;
  const file = await downloadToFile(deps.http, request, signal);
  if (file === undefined)
    throw new BuildError('SOURCE_NOT_FOUND', `the server does not have ${address}`, {
      origin: 'source',
    });
  const name = posix.basename(decodeURIComponent(new URL(address).pathname));
  if (name === '' && step.destination.endsWith('/'))
    throw new BuildError('DOCKERFILE_INVALID', `${address} names no file`, {
      suggestion: 'write a destination that does not end in "/"',
    });
  const mtime = BigInt(file.modified ?? 0) * 1_000_000n;
  return { kind: 'download', path, name, unpack: step.unpack === true, mtime };
}

/** As in the context, `#ref:directory` behind the address names a commit and a directory of it. */
async function clone(
  { workshop, signal }: StepContext,
  step: Step<'copy' | 'add'>,
  address: string,
): Promise<CopySource> {
  const { deps, resources } = workshop;
  const scratch = resources.use(await deps.store.createScratch());
  const [, url = address, ref = '', inside = ''] = /^([^#]+)#([^:]*):?(.*)$/.exec(address) ?? [];
  const spec = parseSource(url, {
    ...(ref === '' ? {} : { ref }),
    ...(inside === '' ? {} : { contextDir: inside }),
  });
  const tree = resources.use(
    await openSource({ ...deps, scratchDir: scratch.path }, { spec, exclude: '' }, signal),
  );
  const ignore = { exclude: step.keepGitDir ? '' : defaultExclude };
  return { kind: 'directory', path: tree.path, ignore, patterns: ['.'], unpack: false };
}
