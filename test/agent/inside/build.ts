/** What builds of the agent share that are disturbed on purpose: an agent in this process, layers, mounts, and a look at what is left. */

import * as fs from 'node:fs';
import { join } from 'node:path';
import { createHandlers } from '../../../src/agent/handlers.ts';
import type {
  LayerBlob,
  MountRequest,
  OperationInput,
  OperationName,
  OperationResult,
} from '../../../src/agent/protocol.ts';
import { streamOf } from '../../../src/blob/index.ts';
import { removeTree, treeProblem } from '../../../src/layer/index.ts';
import { digestOf } from '../../../src/model/index.ts';
import { noFailpoint, openStore, type Scratch, type Store } from '../../../src/store/index.ts';
import { dir, fifo, file, layer, link, symlink } from '../../layer/support/archive.ts';

/** Calls operations, of an agent in this process or in another. */
export type Call = <K extends OperationName>(
  operation: K,
  input: OperationInput<K>,
) => Promise<OperationResult<K>>;

/** What a build is made from. */
export interface Material {
  readonly layers: readonly LayerBlob[];
  /** A directory with a file, a link and two archives. */
  readonly source: string;
}

/** Carries out a build and says what came of it. */
export type Build = (call: Call, store: Store, material: Material) => Promise<string>;

export const idMapping = { kind: 'full', key: 'test' } as const;
export const owner = { uid: 0, gid: 0 } as const;
/** What each layer is made with. */
export const layerOptions = { epoch: 0, timestamps: 'clamp', compression: 'gzip' } as const;

/** Fills a new store with layers, the first of them unpacked, and makes a source. */
export async function prepare(home: string, source: string): Promise<Material> {
  fs.mkdirSync(join(source, 'lib'), { recursive: true });
  fs.writeFileSync(join(source, 'lib', 'code'), 'code\n');
  fs.symlinkSync('lib/code', join(source, 'main'));
  const archive = layer(dir('kept'), file('kept/one', 'x'.repeat(5000)), link('two', 'kept/one'));
  fs.writeFileSync(join(source, 'kept.tar'), archive);
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
  for (const bytes of archives) {
    const { digest, size } = await store.ingest(streamOf(bytes));
    layers.push({ digest, size, compression: 'none', diffId: digestOf(bytes) });
  }
  await agentHere(home, store)('prepareRootfs', { layers: layers.slice(0, 1) });
  return { layers, source };
}

/** Does something with a workspace of a key, and takes the workspace away however that ends. */
export async function inScratch<T>(
  store: Store,
  call: Call,
  work: (scratch: Scratch) => Promise<T>,
): Promise<T> {
  const scratch = await store.createScratch();
  try {
    return await work(scratch);
  } finally {
    await call('closeWorkspace', { workspace: scratch.path }).catch(() => {});
    await scratch.remove(removeTree).catch(() => scratch[Symbol.asyncDispose]());
  }
}

/** Runs a script in a workspace that has to succeed. */
export async function runScript(
  call: Call,
  workspace: string,
  script: string,
  mounts: readonly MountRequest[],
  stdio: OperationInput<'run'>['stdio'] = 'events',
) {
  const { code } = await call('run', {
    ...{ workspace, mounts, stdio, args: ['/bin/sh', '-c', script], env: ['PATH=/bin'] },
    ...{ cwd: '/app', user: { ...owner, additionalGids: [] }, network: 'none', capabilities: [] },
    ...{ addHosts: [], runtime: { executor: 'unshare', user: { ...owner, additionalGids: [] } } },
  });
  if (code !== 0) throw new Error(`the script ended with ${code}`);
}

/** A secret at /secret. */
export const secret: MountRequest = {
  ...{ kind: 'secret', id: 's', value: Buffer.from('hidden'), target: '/secret', owner },
  mode: 0o400,
};

/** A cache at /cache. */
export const cache = {
  ...{ kind: 'cache', id: 'c', target: '/cache', sharing: 'locked', readOnly: false, owner },
  mode: 0o755,
} as const satisfies MountRequest;

/** An agent in this process. */
export function agentHere(home: string, store: Store): Call {
  const start = {
    ...{ kind: 'start' as const, home, idMapping, program: [] },
    stateDirectory: join(home, 'builds'),
    env: { PATH: process.env['PATH'] ?? '' },
  };
  const handlers = createHandlers(start, store, noFailpoint);
  const context = { signal: new AbortController().signal, emit: async () => {} };
  return (operation, input) => handlers[operation](input, context);
}

/** What of a store is not as it should be: damage, and leftovers after a sweep. */
export async function problemsOf(home: string): Promise<readonly string[]> {
  await using store = await openStore(home);
  const { damaged } = await store.verify(undefined, (path) => treeProblem(path, idMapping));
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
