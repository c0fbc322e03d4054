/** Writes the result of a build where the user wants it: whole files or none. */

import { rename, rm, writeFile } from 'node:fs/promises';
import { asBuildError, BuildError } from '../errors/index.ts';

/**
 * Writes a small file so that readers see it complete or not at all.
 *
 * @throws BuildError `NO_SPACE`, `PERMISSION_DENIED`, `IO_FAILED`
 */
export async function writeReportFile(path: string, content: string): Promise<void> {
  const temporary = `${path}.s2oci-tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true });
    const error = asBuildError(thrown);
    throw new BuildError(error.code, `cannot write ${path}: ${error.message}`, {
      cause: thrown,
      origin: 'local',
    });
  }
}
