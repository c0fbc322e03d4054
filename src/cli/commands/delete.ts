/** `s2oci delete`: removes a tag, or a manifest with all its tags. */

import type { CommandSpec } from '../command.ts';
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
  run: async (invocation) => (await import('../actions/delete.ts')).remove(invocation),
};
