/**
 * The workspace of an in-builder build: the root file system that this process stands on, proved to be the
 * builder image's.
 *
 * The proof is a capture before anything ran: it has to be empty. What is captured afterwards is then
 * what assemble changed, as if the image had been unpacked for it. Left out of both are the mounts and
 * files that the container's engine adds, and what is ours.
 */

import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { BuildError } from '../errors/index.ts';
import { captureLayer, type InPlace, readIndex } from '../layer/index.ts';
import { type ByteString, byteStringOf, displayBytes } from '../model/index.ts';
import { ownsOneId, readIdentity, readMountPoints } from '../runtime/index.ts';
import { readTar } from '../tar/index.ts';
import type { InPlaceRequest } from './protocol.ts';

/** What in our root file system is not the image's, and who we are in it. */
export interface InPlaceView extends InPlace {
  /** Absolute paths that are neither compared nor captured. */
  readonly foreign: readonly string[];
}

/** Directories of the kernel; engines mount them, and no layer holds their content. */
const kernelTrees = ['/proc', '/sys', '/dev'];
/** Files that engines make in root file systems; compared like any other where the image has them. */
const engineFiles = ['/.dockerenv', '/run/.containerenv', '/etc/mtab'];
/** Whoever was here before us may have left something in these. */
const temporary = ['/tmp', '/var/tmp'];
/** How many differences a message names. */
const namedDifferences = 5;

/**
 * Proves that `/` is the image unpacked in `lower`.
 *
 * @throws BuildError `RUNTIME_UNAVAILABLE` naming what differs, `SOURCE_INVALID` for a source among the files of the image
 */
export async function viewInPlace(
  lower: string,
  { ours, captured, program = [] }: InPlaceRequest,
  signal: AbortSignal,
): Promise<InPlaceView> {
  const mounts = [...kernelTrees, ...readMountPoints().filter((path) => path !== '/')];
  const others = [...ours, ...program, ...engineFiles, ...temporary.flatMap(childrenOf)];
  const isOfImage = lookUp(lower, [...mounts, ...others]);
  for (const path of ours) refuseAmongImage(path, mounts, isOfImage);
  for (const path of captured) refuseMounted(path, mounts);
  const foreign = [...new Set([...mounts, ...others.filter((path) => !isOfImage(path))])];
  const scaffolding = foreign.flatMap(ancestorsOf).filter((path) => !isOfImage(path));
  const identity = readIdentity();
  const view: InPlaceView = {
    foreign,
    scaffolding: new Set(scaffolding.map(nameOf)),
    ...(ownsOneId(identity) ? { self: { uid: identity.uid, gid: identity.gid } } : {}),
  };
  const differences = await differencesTo(lower, view, signal);
  if (differences.length > 0) throw notTheImage(differences);
  return view;
}

/** What a path is called in layers. */
export function nameOf(path: string): ByteString {
  return byteStringOf(path.replace(/^\/+/, ''));
}

/** Tells which of some paths, and of the directories above them, the image has. */
function lookUp(lower: string, paths: readonly string[]): (path: string) => boolean {
  const asked = new Set(paths.flatMap((path) => [path, ...ancestorsOf(path)]).map(nameOf));
  const found = new Set<ByteString>();
  for (const { path } of readIndex(join(lower, 'index.jsonl')))
    if (asked.has(path)) found.add(path);
  return (path) => found.has(nameOf(path));
}

function refuseAmongImage(
  path: string,
  mounts: readonly string[],
  isOfImage: (path: string) => boolean,
): void {
  const isMounted = [path, ...ancestorsOf(path)].some((each) => mounts.includes(each));
  if (isMounted || !isOfImage(path)) return;
  throw new BuildError('SOURCE_INVALID', `${path} is a directory of the builder image itself`, {
    suggestion: 'have the source and S2OCI_HOME in directories of their own, such as a volume',
  });
}

function refuseMounted(path: string, mounts: readonly string[]): void {
  const mount = [path, ...ancestorsOf(path)].find((each) => mounts.includes(each));
  if (mount === undefined) return;
  throw new BuildError(
    'RUNTIME_UNAVAILABLE',
    `in-builder cannot capture ${path}: something is mounted on ${mount}`,
    {
      origin: 'runtime',
      suggestion: `mount it elsewhere: ${path} is where the image has its files`,
    },
  );
}

function childrenOf(directory: string): readonly string[] {
  try {
    return fs.readdirSync(directory).map((name) => join(directory, name));
  } catch {
    return [];
  }
}

function ancestorsOf(path: string): readonly string[] {
  const parent = dirname(path);
  return parent === '/' ? [] : [parent, ...ancestorsOf(parent)];
}

/** The first entries in which `/` differs from the image, without the directories on the way to them. */
async function differencesTo(
  lower: string,
  view: InPlaceView,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const enough = new AbortController();
  const { body } = captureLayer(
    {
      lower,
      result: '/',
      exclude: view.foreign.map(nameOf),
      epoch: 0n,
      timestamps: 'clamp',
      idMapping: 'full',
      inPlace: { scaffolding: view.scaffolding },
    },
    { signal: AbortSignal.any([signal, enough.signal]) },
  );
  const found: string[] = [];
  const note = (path: ByteString) => {
    const last = found.at(-1);
    const shown = `/${displayBytes(path)}`;
    if (last !== undefined && shown.startsWith(`${last}/`)) found.pop();
    found.push(shown);
    if (found.length > namedDifferences) enough.abort();
  };
  const handler = {
    entry: (entry: { path: ByteString }) => note(entry.path),
    data: () => {},
    hole: () => {},
  };
  await readTar(body, handler).catch((error: unknown) => {
    signal.throwIfAborted();
    if (enough.signal.aborted) return;
    // what cannot be read is only looked into where it is not as in the image
    if (!(error instanceof BuildError) || error.code !== 'PERMISSION_DENIED') throw error;
    found.push(error.message);
  });
  return found;
}

function notTheImage(differences: readonly string[]): BuildError {
  const named = differences.slice(0, namedDifferences).map(describe).join(', ');
  const more = differences.length > namedDifferences ? ' and more' : '';
  return new BuildError(
    'RUNTIME_UNAVAILABLE',
    `in-builder runs in the container of the builder image, unchanged, and this is another one: ${named}${more}`,
    {
      origin: 'runtime',
      suggestion:
        'start the job in a fresh container of exactly this builder image, or choose another executor (see `s2oci doctor`)',
    },
  );
}

/** A whiteout stands for what the image has and this root file system has not. */
function describe(path: string): string {
  const name = basename(path);
  return name.startsWith('.wh.') ? `${join(dirname(path), name.slice(4))} is missing` : path;
}
