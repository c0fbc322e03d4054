/** `s2oci create`: a new builder image to start from. */

import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { asBuildError, BuildError } from '../../errors/index.ts';
import { builderSkeleton } from '../../s2i/index.ts';
import { writeAtomically } from '../../store/index.ts';
import type { Invocation } from '../command.ts';

/** Writes what is not there yet. */
export async function create({ args, io }: Invocation): Promise<number> {
  const [name = '', directory = ''] = args;
  const root = resolve(io.cwd, directory);
  for (const { path, mode, text } of builderSkeleton(name)) {
    const written = await writeNew(resolve(root, path), text, mode);
    io.stderr.write(written ? `wrote ${path}\n` : `kept ${path}, which exists\n`);
  }
  return 0;
}

async function writeNew(path: string, text: string, mode: number): Promise<boolean> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeAtomically(path, text, { mode, isNew: true });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    const { code, message } = asBuildError(error);
    throw new BuildError(code, `cannot write ${path}: ${message}`, { cause: error });
  }
}
