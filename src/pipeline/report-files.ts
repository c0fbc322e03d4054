/** Writes files where the user wants them, such as the result of a build: whole or not at all. */

import { asBuildError, BuildError } from '../errors/index.ts';
import { type AtomicOptions, writeAtomically } from '../store/index.ts';

/**
 * Writes a small file so that readers see it complete or not at all, also after a power loss.
 *
 * @throws BuildError `NO_SPACE`, `PERMISSION_DENIED`, `IO_FAILED`
 */
export async function writeReportFile(
  path: string,
  content: string,
  options?: AtomicOptions,
): Promise<void> {
  try {
    await writeAtomically(path, content, options);
  } catch (thrown) {
    const error = asBuildError(thrown);
    throw new BuildError(error.code, `cannot write ${path}: ${error.message}`, {
      cause: thrown,
      origin: 'local',
    });
  }
}
