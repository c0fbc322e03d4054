/** Runs COPY and ADD on trees of a temporary directory and shows the layers that they give. */

import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { copyFiles } from '../../../src/agent/operations/copy.ts';
import type { CapturedLayer, CopyFilesRequest } from '../../../src/agent/protocol.ts';
import { openStore, type Store } from '../../../src/store/index.ts';
import { readTar, type TarEntry } from '../../../src/tar/index.ts';

/** An open store and a context directory beside it. */
export interface CopyBench extends AsyncDisposable {
  readonly store: Store;
  readonly context: string;
  readonly directory: string;
  /** Makes files: text, `-> target` for a symlink, `undefined` for a directory. */
  fill(files: Readonly<Record<string, string | Buffer | undefined>>): Promise<void>;
  copy(request: Partial<CopyFilesRequest>): Promise<CapturedLayer | undefined>;
  /** Entries of a layer as `type mode uid:gid path[ -> target][ = content]`. */
  show(layer: CapturedLayer | undefined): Promise<readonly string[]>;
}

const signal = new AbortController().signal;

/** Opens a bench. */
export async function openCopyBench(): Promise<CopyBench> {
  const directory = await mkdtemp(join(tmpdir(), 's2oci-copy-'));
  const store = await openStore(join(directory, 'home'));
  const [context, spool] = [join(directory, 'context'), join(directory, 'spool')];
  await mkdir(context);
  let copies = 0;
  return {
    ...{ store, context, directory },
    fill: (files) => fill(context, files),
    copy: async (request) => {
      const own = `${spool}${copies++}`;
      await mkdir(own);
      return copyFiles(store, { ...defaults, spool: own, ...request }, signal);
    },
    show: (layer) => show(store, layer),
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const defaults: CopyFilesRequest = {
  sources: [],
  exclude: [],
  parents: false,
  layers: [],
  destination: '/',
  epoch: 1000,
  timestamps: 'clamp',
  compression: 'none',
  spool: '',
};

async function fill(
  context: string,
  files: Readonly<Record<string, string | Buffer | undefined>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(context, name);
    await mkdir(content === undefined ? path : dirname(path), { recursive: true });
    if (typeof content === 'string' && content.startsWith('-> '))
      await symlink(content.slice(3), path);
    else if (content !== undefined) await writeFile(path, content, { mode: 0o644 });
  }
}

async function show(store: Store, layer: CapturedLayer | undefined): Promise<readonly string[]> {
  if (layer === undefined) return [];
  const lines: string[] = [];
  const stream = await store.open(layer);
  await readTar(stream, {
    entry: (entry) => void lines.push(lineOf(entry)),
    data: (chunk) => {
      lines[lines.length - 1] += ` = ${Buffer.from(chunk).toString('utf8').trim()}`;
    },
  });
  return lines;
}

function lineOf({ type, mode, uid, gid, path, linkName }: TarEntry): string {
  const target = linkName === '' ? '' : ` -> ${linkName}`;
  return `${type} ${mode.toString(8)} ${uid}:${gid} ${path}${target}`;
}

/** A layer as the next copy takes it. */
export function onTopOf(...layers: readonly (CapturedLayer | undefined)[]) {
  return {
    layers: layers.flatMap((layer) =>
      layer === undefined ? [] : [{ ...layer, compression: 'none' as const }],
    ),
  };
}
