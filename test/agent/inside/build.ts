/**
 * A small build as the agent does it: a layer on a stored root file system, a workspace, a source, a script with a
 * secret and a cache, and a captured layer. Every kind of entry and of mount is in it once.
 */

import * as fs from 'node:fs';
import { join } from 'node:path';
import { createHandlers } from '../../../src/agent/handlers.ts';
import type {
  LayerBlob,
  OperationInput,
  OperationName,
  OperationResult,
} from '../../../src/agent/protocol.ts';
import { streamOf } from '../../../src/blob/index.ts';
import { removeTree, treeProblem } from '../../../src/layer/index.ts';
import { type Digest, digestOf } from '../../../src/model/index.ts';
import { type Failpoint, noFailpoint, openStore, type Store } from '../../../src/store/index.ts';
import { dir, fifo, file, layer, link, symlink } from '../../layer/support/archive.ts';

/** Calls operations, of an agent in this process or in another. */
export type Call = <K extends OperationName>(
  operation: K,
  input: OperationInput<K>,
) => Promise<OperationResult<K>>;

/** What a build is made from. */
export interface Material {
  readonly layers: readonly LayerBlob[];
  readonly source: string;
}

export const idMapping = { kind: 'full', key: 'test' } as const;

/** Fills a new store with layers, the first of them unpacked, and makes a source. */
export async function prepare(home: string, source: string): Promise<Material> {
  fs.mkdirSync(join(source, 'lib'), { recursive: true });
  fs.writeFileSync(join(source, 'lib', 'code'), 'code\n');
  fs.symlinkSync('lib/code', join(source, 'main'));
  await using store = await openStore(home);
  const busybox = fs.readFileSync('/bin/busybox', 'latin1');
  const archives = [
    layer(dir('bin'), file('bin/sh', busybox, { mode: 0o755 }), file('gone', 'x'), dir('app')),
    layer(
      file('.wh.gone'),
      dir('etc'),
      file('etc/passwd', 'root:x:0:0::/:/bin/sh\n', { uid: 7, xattrs: { 'user.note': 'x' } }),
      symlink('bin/cat', 'sh'),
      link('bin/rm', 'bin/sh'),
      fifo('etc/pipe'),
    ),
  ];
  const layers: LayerBlob[] = [];
  for (const archive of archives) {
    const { digest, size } = await store.ingest(streamOf(archive));
    layers.push({ digest, size, compression: 'none', diffId: digestOf(archive) });
  }
  await agentHere(home, store)('prepareRootfs', { layers: layers.slice(0, 1) });
  return { layers, source };
}

/** Builds and returns the digest of the captured layer. */
export async function build(
  call: Call,
  store: Store,
  { layers, source }: Material,
): Promise<Digest> {
  const scratch = await store.createScratch();
  const workspace = scratch.path;
  try {
    const { key } = await call('prepareRootfs', { layers });
    await call('openWorkspace', { workspace, rootfsKey: key, storage: 'auto' });
    const owner = { uid: 0, gid: 0 };
    const placed = {
      from: source,
      to: '/app/src',
      owner,
      mtime: 0n,
      symlinks: 'preserve' as const,
    };
    await call('placeTree', { workspace, ...placed });
    const { code } = await call('run', {
      workspace,
      args: ['/bin/sh', '-c', 'cat /secret >/dev/null && cat /app/src/main >/app/out'],
      env: ['PATH=/bin'],
      cwd: '/app',
      user: { ...owner, additionalGids: [] },
      network: 'none',
      capabilities: [],
      mounts: [
        {
          kind: 'secret',
          id: 's',
          value: Buffer.from('hidden'),
          target: '/secret',
          owner,
          mode: 0o400,
        },
        {
          kind: 'cache',
          id: 'c',
          target: '/cache',
          sharing: 'locked',
          readOnly: false,
          owner,
          mode: 0o755,
        },
      ],
      addHosts: [],
      runtime: { executor: 'unshare', user: { ...owner, additionalGids: [] } },
      stdio: 'events',
    });
    if (code !== 0) throw new Error(`the script ended with ${code}`);
    const captured = await call('capture', {
      ...{ workspace, exclude: [], epoch: 0, timestamps: 'clamp', compression: 'gzip', owner },
    });
    await call('closeWorkspace', { workspace });
    return captured.digest;
  } finally {
    await call('closeWorkspace', { workspace }).catch(() => {});
    await scratch.remove(removeTree).catch(() => scratch[Symbol.asyncDispose]());
  }
}

/** An agent in this process. */
export function agentHere(home: string, store: Store, failpoint: Failpoint = noFailpoint): Call {
  const start = {
    ...{ kind: 'start' as const, home, idMapping, program: [] },
    stateDirectory: join(home, 'builds'),
    env: { PATH: process.env['PATH'] ?? '' },
  };
  const handlers = createHandlers(start, store, failpoint);
  const context = { signal: new AbortController().signal, emit: async () => {} };
  return (operation, input) => handlers[operation](input, context);
}

/** What of a store is not as it should be: damage, and leftovers after a sweep. */
export async function problemsOf(home: string): Promise<readonly string[]> {
  await using store = await openStore(home);
  const { damaged } = await store.verify(undefined, async (path) => treeProblem(path));
  await store.sweep(removeTree);
  const places = ['builds', 'store/ingest', 'leases', 'rootfs', 'caches', 'quarantine'];
  const left = places.flatMap((place) =>
    fs.readdirSync(join(home, place)).map((name) => `${place}/${name}`),
  );
  return [
    ...damaged.map(({ name, reason }) => `${name} ${reason}`),
    ...left.filter((path) => !/^(rootfs|caches)\/[^.]/.test(path)),
  ];
}
