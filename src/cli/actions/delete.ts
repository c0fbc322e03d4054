/** `s2oci delete`: removes a tag, or a manifest with all its tags. */

import { BuildError } from '../../errors/index.ts';
import { formatReference } from '../../model/index.ts';
import type { Invocation } from '../command.ts';
import { parseRegistryReference, withRepository } from '../repository.ts';

/** Deletes a tag, or a manifest with all its tags. */
export async function remove(invocation: Invocation): Promise<number> {
  const { args, io } = invocation;
  const reference = parseRegistryReference(args[0] ?? '');
  const selector = reference.digest ?? reference.tag;
  if (selector === undefined) {
    throw new BuildError('USAGE_INVALID', 'what to delete needs a tag or a digest', {
      suggestion: `s2oci delete ${formatReference(reference)}:TAG`,
    });
  }
  await withRepository(invocation, reference, (repository) =>
    repository.deleteManifest(selector, io.signal),
  );
  const { tag: _, ...byDigest } = reference;
  const deleted = reference.digest === undefined ? reference : byDigest;
  io.stdout.write(`deleted ${formatReference(deleted)}\n`);
  return 0;
}
