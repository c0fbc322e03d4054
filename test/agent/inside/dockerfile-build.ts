/**
 * A Dockerfile as the agent carries it out: COPY of a directory, ADD of an archive, COPY of a heredoc, RUN with every
 * kind of mount, and all of it squashed into one layer.
 */

import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { LayerBlob, MountRequest, OperationInput } from '../../../src/agent/protocol.ts';
import { type Build, cache, inScratch, layerOptions, owner, runScript, secret } from './build.ts';

/** Builds and returns the digests of all layers. */
export const buildDockerfile: Build = async (call, store, { layers, source }) => {
  const steps: LayerBlob[] = [];
  const push = (
    made: { digest: LayerBlob['digest']; size: number; diffId: LayerBlob['diffId'] } | undefined,
  ) => {
    if (made === undefined) throw new Error('a step made nothing');
    const { digest, size, diffId } = made;
    steps.push({ digest, size, diffId, compression: 'gzip' });
  };
  return await inScratch(store, call, async ({ path: spool }) => {
    const base = await call('prepareRootfs', { layers });
    const copy = async (
      from: OperationInput<'copyFiles'>['sources'][number],
      destination: string,
    ) => {
      const selection = { sources: [from], exclude: [], parents: false };
      await call('digestFiles', selection);
      const below = { rootfsKey: base.key, layers: [...steps], spool, destination };
      push(await call('copyFiles', { ...layerOptions, ...selection, ...below }));
    };
    const context = { kind: 'directory', path: source } as const;
    await copy({ ...context, patterns: ['lib', 'main'], unpack: false }, '/app/');
    await copy({ ...context, patterns: ['kept.tar'], unpack: true }, '/app/kept/');
    await copy({ kind: 'text', name: 'note', content: 'text\n' }, '/app/note');
    const { key } = await call('prepareRootfs', { layers: [...layers, ...steps] });
    push(await runStep(call, store, { rootfsKey: key, seed: base.key, spool }));
    const { key: resultKey } = await call('prepareRootfs', { layers: [...layers, ...steps] });
    push(await call('squash', { ...layerOptions, baseKey: base.key, resultKey, layers: steps }));
    return steps.map(({ digest }) => digest).join(' ');
  });
};

function runStep(
  ...[call, store, { rootfsKey, seed, spool }]: [
    Parameters<Build>[0],
    Parameters<Build>[1],
    { rootfsKey: string; seed: string; spool: string },
  ]
) {
  return inScratch(store, call, async (other) => {
    await call('openWorkspace', { workspace: other.path, rootfsKey: seed, storage: 'auto' });
    return await inScratch(store, call, async ({ path: workspace }) => {
      await call('openWorkspace', { workspace, rootfsKey, storage: 'auto' });
      await using agent = await listenAt(join(spool, 'ssh'));
      const seeded = { name: 'seed', workspace: other.path, path: '/etc' };
      const mounts: MountRequest[] = [
        secret,
        { ...cache, seed: seeded },
        { kind: 'ssh', socket: agent.path, target: '/run/agent', owner, mode: 0o600 },
        {
          kind: 'workspace',
          workspace: other.path,
          path: '/bin',
          target: '/other',
          readOnly: true,
        },
        { kind: 'tmpfs', target: '/tmp' },
      ];
      const script = 'test -S /run/agent && cat /secret /other/sh >/dev/null && cat note >made';
      await runScript(call, workspace, script, mounts);
      return await call('capture', { ...layerOptions, workspace, exclude: [], owner });
    });
  });
}

async function listenAt(path: string) {
  const server = createServer((socket) => socket.end());
  server.listen(path);
  await once(server, 'listening');
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      server.close();
    },
  };
}
