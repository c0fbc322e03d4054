/** `s2oci delete`: removes a tag, or a manifest with all its tags. */

import { BuildError } from '../../errors/index.ts';
import { formatReference } from '../../model/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { parseRegistryReference, withRepository } from '../repository.ts';
import { registryOptions } from './build-options.ts';

/** Deletes from a registry; asks nothing. */
export const deleteCommand: CommandSpec = {
  name: 'delete',
  summary: 'delete a tag or a manifest from a registry',
  description:
    'Deletes what the reference names, without asking: a tag, or, where it has a digest, the manifest with all its tags. Layers stay until the registry collects its garbage. Many registries delete only manifests, or nothing at all.',
  arguments: [{ name: '<reference>', description: 'reference with a tag or a digest' }],
  options: registryOptions,
  examples: [
    's2oci delete registry.example.com/apps/hello:old',
    's2oci delete registry.example.com/apps/hello@sha256:...',
  ],
  run: remove,
};

async function remove(invocation: Invocation): Promise<number> {
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
