/** Phase `source`: puts the source into the container, at `<destination>/src`. */

import type { Agent } from '../../agent/index.ts';
import {
  parseEnvironmentFile,
  sourceEnvironmentFormat,
  sourceEnvironmentPath,
} from '../../s2i/index.ts';
import { readSourceFile, type SourceTree } from '../../source/index.ts';
import type { Container } from '../container.ts';
import type { PhaseOutcome } from '../phase-timer.ts';

const maxEnvironmentFile = 1024 * 1024;

/** Where the source goes and whose it becomes. */
export interface PlaceSourceInput {
  readonly container: Container;
  readonly tree: SourceTree;
  /** Scripts of the source, which have a place of their own in the container. */
  readonly moved: readonly string[];
  /** Absolute container path. */
  readonly to: string;
  readonly owner: { readonly uid: number; readonly gid: number };
  /** Nanoseconds since the epoch. */
  readonly mtime: bigint;
  readonly symlinks: 'preserve' | 'follow';
}

/** The variables that the source declares. */
export interface SourceEnvironment {
  readonly environment: readonly string[];
  readonly warnings: readonly string[];
}

/** Copies the source; returns warnings. */
export async function placeSource(
  agent: Agent,
  input: PlaceSourceInput,
  signal: AbortSignal,
): Promise<PhaseOutcome<readonly string[]>> {
  const { tree } = input;
  const placed = await agent.call(
    'placeTree',
    {
      workspace: input.container.workspace,
      from: tree.path,
      to: input.to,
      owner: input.owner,
      mtime: input.mtime,
      symlinks: input.symlinks,
      ignore: { ...tree.ignore, moved: input.moved },
    },
    { signal },
  );
  return { value: placed.warnings, detail: `${placed.files} files` };
}

/**
 * Reads the variables that a source declares in `.s2i/environment`.
 *
 * @throws BuildError `SOURCE_INVALID`, `LIMIT_EXCEEDED`, `PATH_UNSAFE`
 */
export async function readSourceEnvironment(tree: SourceTree): Promise<SourceEnvironment> {
  const bytes = await readSourceFile(tree.path, sourceEnvironmentPath, maxEnvironmentFile);
  if (bytes === undefined) return { environment: [], warnings: [] };
  const { entries, warnings } = parseEnvironmentFile(
    bytes.toString('utf8'),
    sourceEnvironmentFormat,
  );
  return { environment: entries, warnings };
}
