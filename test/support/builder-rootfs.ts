/**
 * The root filesystem of a builder image as an engine would unpack it, by umoci: what a job in a container
 * of that image stands on. Needs root; made once and kept beside the image.
 */

import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { run } from './as-user.ts';
import { type BuilderName, builderImage } from './images.ts';

/** Returns a directory that is never to be written to. */
export async function builderRootfs(name: BuilderName): Promise<string> {
  const { directory } = await builderImage(name);
  const rootfs = `${directory}.rootfs`;
  if (existsSync(rootfs)) return rootfs;
  const draft = `${rootfs}.${process.pid}`;
  const unpacked = await run('umoci', ['raw', 'unpack', '--image', `${directory}:latest`, draft]);
  if (unpacked.code !== 0) throw new Error(`umoci: ${unpacked.stderr}`);
  await rename(draft, rootfs).catch(async (error: unknown) => {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(rootfs)) throw error;
  });
  return rootfs;
}
