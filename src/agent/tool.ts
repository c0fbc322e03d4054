/** Runs small system tools to their end: no shell, no inherited environment beyond PATH, bounded output. */

import { type ExecFileException, execFile } from 'node:child_process';
import { BuildError } from '../errors/index.ts';

/** Directories in which system tools are looked for; login users often lack the sbin ones. */
export const toolPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** How a tool is run. */
export interface ToolOptions {
  readonly cwd?: string;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/**
 * Runs a tool and returns its standard output.
 *
 * @throws BuildError `RUNTIME_FAILED` with the tool's message when it fails; `RUNTIME_UNAVAILABLE` when it is missing
 */
export function runTool(
  name: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const settings = {
    env: { PATH: toolPath, LC_ALL: 'C' },
    maxBuffer: 1024 * 1024,
    timeout: options.timeoutMs ?? 0,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  execFile(name, [...args], settings, (error, stdout, stderr) => {
    if (error === null) resolve(stdout);
    else if (options.signal?.aborted) reject(options.signal.reason);
    else reject(toolError(name, error, stderr));
  });
  return promise;
}

function toolError(name: string, error: ExecFileException, stderr: string): BuildError {
  if (error.code === 'ENOENT') {
    return new BuildError('RUNTIME_UNAVAILABLE', `the program ${name} is not installed`, {
      origin: 'runtime',
      cause: error,
    });
  }
  return new BuildError('RUNTIME_FAILED', `${name} failed: ${stderr.trim() || error.message}`, {
    origin: 'runtime',
    cause: error,
  });
}
