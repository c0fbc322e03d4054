/** What the S2I tests share. */

import { BuildError } from '../../src/errors/index.ts';
import type { ExecutionConfig } from '../../src/model/index.ts';

/** An execution config with everything empty but what is given. */
export function execution(fields: Partial<ExecutionConfig> = {}): ExecutionConfig {
  return {
    user: '',
    env: [],
    entrypoint: [],
    cmd: [],
    workingDir: '',
    labels: {},
    onBuild: [],
    volumes: [],
    exposedPorts: [],
    ...fields,
  };
}

/** The error that a function throws; undefined when it does not. */
export function failure(work: () => unknown): BuildError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof BuildError) return error;
    throw error;
  }
}
