/**
 * `--inject`: files of this machine that assemble sees and no layer holds.
 *
 * Each file is copied aside, given to the user of assemble, and mounted read-only on its own, so that a directory of
 * the image keeps its other files. Mount points that had to be made are taken away after the run.
 */

import { chmod, copyFile, mkdir, readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Agent } from '../agent/index.ts';
import { BuildError } from '../errors/index.ts';
import { displayText } from '../model/index.ts';
import type { RunMount } from '../runtime/index.ts';
import { parseInjections, type ResolvedUser, workingDirectoryOf } from '../s2i/index.ts';
import type { Container } from './container.ts';

/** The most files: each is a mount of its own. */
const maxFiles = 1000;
const maxDepth = 20;

/** One file to inject. */
export interface InjectedFile {
  /** A path of this machine. */
  readonly source: string;
  /** Absolute container path. */
  readonly target: string;
}

/**
 * Lists the files that `--inject` names; symbolic links count as what they lead to.
 *
 * @throws BuildError `USAGE_INVALID`, `LIMIT_EXCEEDED`
 */
export async function listInjections(
  values: readonly string[],
  workingDirectory: string,
): Promise<readonly InjectedFile[]> {
  const files: InjectedFile[] = [];
  for (const { source, target } of parseInjections(values, workingDirectory)) {
    const path = resolve(source);
    const facts = await stat(path).catch(() => undefined);
    if (facts?.isDirectory()) files.push(...(await filesBelow(path, target, 0)));
    else if (facts?.isFile()) files.push({ source: path, target: join(target, basename(path)) });
    else throw unusable(source);
  }
  if (files.length <= maxFiles) return files;
  throw new BuildError('LIMIT_EXCEEDED', `--inject names more than ${maxFiles} files`, {
    suggestion: 'mount the directory as a whole with --volume',
  });
}

/** Makes injected files ready and returns how they are mounted. */
export async function stageInjections(
  agent: Agent,
  container: Container,
  values: readonly string[],
  owner: ResolvedUser,
  signal: AbortSignal,
): Promise<readonly RunMount[]> {
  const cwd = workingDirectoryOf(container.config.execution.workingDir);
  const files = await listInjections(values, cwd);
  if (files.length === 0) return [];
  const staging = join(container.workspace, 'injections');
  await mkdir(staging, { mode: 0o700 });
  const mounts: RunMount[] = [];
  for (const [index, { source, target }] of files.entries()) {
    const copy = join(staging, String(index));
    await copyFile(source, copy);
    await chmod(copy, ((await stat(source)).mode & 0o555) | 0o400);
    mounts.push({ kind: 'bind', source: copy, target, readOnly: true });
  }
  const { uid, gid } = owner;
  await agent.call(
    'giveTree',
    { workspace: container.workspace, name: 'injections', owner: { uid, gid } },
    { signal },
  );
  return mounts;
}

async function filesBelow(
  directory: string,
  target: string,
  depth: number,
): Promise<readonly InjectedFile[]> {
  if (depth > maxDepth) throw unusable(directory);
  const files: InjectedFile[] = [];
  for (const name of (await readdir(directory)).sort()) {
    const source = join(directory, name);
    const facts = await stat(source).catch(() => undefined);
    if (facts?.isDirectory())
      files.push(...(await filesBelow(source, join(target, name), depth + 1)));
    else if (facts?.isFile()) files.push({ source, target: join(target, name) });
    if (files.length > maxFiles) break;
  }
  return files;
}

function unusable(source: string): BuildError {
  return new BuildError(
    'USAGE_INVALID',
    `cannot inject ${displayText(source)}: it is neither a file nor a directory that can be read`,
  );
}
