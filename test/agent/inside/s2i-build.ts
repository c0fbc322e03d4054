/**
 * A build of a source as the agent does it: artifacts of the last one, a source, a script with a secret and a cache, a
 * captured layer, and what it made in another image. Every kind of entry is in it once.
 */

import * as fs from 'node:fs';
import { join } from 'node:path';
import {
  type Build,
  type Call,
  cache,
  inScratch,
  layerOptions,
  owner,
  runScript,
  secret,
} from './build.ts';

/** Builds and returns the digests of both layers. */
export const buildFromSource: Build = async (call, store, { layers, source }) => {
  const { key } = await call('prepareRootfs', { layers });
  return await inScratch(store, call, async ({ path: workspace }) => {
    await call('openWorkspace', { workspace, rootfsKey: key, storage: 'auto' });
    const archive = join(source, 'kept.tar');
    await call('placeArchive', { workspace, archive, to: '/tmp/artifacts', owner });
    const from = { from: source, mtime: 0n, symlinks: 'preserve' as const };
    await call('placeTree', { workspace, ...from, to: '/app/src', owner });
    fs.mkdirSync(join(workspace, 'given'));
    fs.writeFileSync(join(workspace, 'given', 'secret'), 'x');
    await call('giveTree', { workspace, name: 'given', owner: { uid: 7, gid: 7 } });
    const script = 'cat /secret >/dev/null && cat /app/src/main >/app/out && echo x >/cache/x';
    await runScript(call, workspace, script, [secret, cache]);
    const stdoutFile = join(workspace, 'saved.tar');
    await runScript(call, workspace, 'cat /app/out', [], { stdoutFile, maxBytes: 1000 });
    const made = await call('capture', { ...layerOptions, workspace, exclude: [], owner });
    const runtime = await copyIntoRuntimeImage(call, store, workspace, key);
    return `${made.digest} ${runtime} ${fs.readFileSync(stdoutFile, 'utf8')}`;
  });
};

function copyIntoRuntimeImage(
  call: Call,
  store: Parameters<Build>[1],
  workspace: string,
  key: string,
) {
  return inScratch(store, call, async (scratch) => {
    const into = { workspace: scratch.path, directory: '/srv/app' };
    await call('openWorkspace', { workspace: into.workspace, rootfsKey: key, storage: 'copy' });
    for (const from of ['/app/src', '/app/out'])
      await call('copyBetween', { workspace, from, into, owner, mtime: 0n });
    const { workspace: result } = into;
    const layer = await call('capture', { ...layerOptions, workspace: result, exclude: [], owner });
    return layer.digest;
  });
}
