/**
 * Decides which directories of the build itself stay out of the application image: the source, the restored
 * artifacts, the scripts that came from outside.
 *
 * A directory stays when something in the image refers to it: its config (command, entry point, variables,
 * working directory, volumes), the text of its run script, a symbolic link, a `.pth` or `.egg-link`
 * file; or when the builder image had it already.
 */

import type { Agent } from '../agent/index.ts';
import type { ExecutionConfig } from '../model/index.ts';
import type { Container } from './container.ts';
import { maxScriptSize } from './outside-scripts.ts';

/** A directory that is left out. */
export interface LeftOut {
  /** Absolute container path. */
  readonly path: string;
  readonly files: number;
  readonly bytes: number;
}

/** What decides. */
export interface LeaveOutInput {
  /** `<destination>`. */
  readonly destination: string;
  readonly keep: 'nothing' | 'source' | 'all';
  /** Directories that the builder image had before the build; see {@link buildDirectories}. */
  readonly before: ReadonlySet<string>;
  readonly runPath: string;
  /** Variables that the image gets. */
  readonly environment: readonly string[];
}

/** The directories that a build makes below its destination. */
export function buildDirectories(destination: string): readonly string[] {
  const base = destination === '/' ? '' : destination;
  return ['src', 'artifacts', 'scripts'].map((name) => `${base}/${name}`);
}

/** Finds the directories that can be left out, with their sizes. */
export async function findLeftOut(
  agent: Agent,
  container: Container,
  input: LeaveOutInput,
  signal: AbortSignal,
): Promise<readonly LeftOut[]> {
  if (input.keep === 'all') return [];
  const all = buildDirectories(input.destination);
  const trees = all.filter((path) => !input.before.has(path));
  const [source] = all;
  const runScript = await container.readFile(input.runPath, maxScriptSize, signal);
  const script = Buffer.from(runScript ?? []).toString('latin1');
  const texts = [...configTexts(container.config.execution, input), script];
  const kept = trees.filter(
    (path) =>
      (input.keep === 'source' && path === source) || texts.some((text) => mentions(text, path)),
  );
  const { workspace } = container;
  return agent.call('findLeavable', { workspace, trees, kept }, { signal });
}

function configTexts(execution: ExecutionConfig, input: LeaveOutInput): readonly string[] {
  return [
    input.runPath,
    execution.workingDir,
    ...execution.entrypoint,
    ...execution.env,
    ...execution.volumes,
    ...input.environment,
  ];
}

/** Whether a text names a directory or something in it: `/tmp/src`, `/tmp/src/app`, but not `/tmp/srcs`. */
export function mentions(text: string, directory: string): boolean {
  for (let at = text.indexOf(directory); at !== -1; at = text.indexOf(directory, at + 1)) {
    if (!/[\w.-]/.test(text.charAt(at + directory.length))) return true;
  }
  return false;
}
