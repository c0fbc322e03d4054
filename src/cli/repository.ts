/** What commands on one repository share: its name as typed, and a client for it without a local store. */

import { BuildError } from '../errors/index.ts';
import { parseReference, type Reference } from '../model/index.ts';
import type { Repository } from '../registry/index.ts';
import type { Invocation } from './command.ts';
import { openRegistryClient } from './registry-client.ts';
import { createCommandRenderer } from './reporting.ts';
import { loadSettings } from './wiring.ts';

/** Opens the repository of a reference for the time of `action`. */
export async function withRepository<T>(
  invocation: Invocation,
  reference: Reference,
  action: (repository: Repository) => Promise<T>,
): Promise<T> {
  const { io } = invocation;
  const config = await loadSettings(invocation);
  await using client = await openRegistryClient(config, io, createCommandRenderer(config, io));
  return await action(client.repository(reference));
}

/**
 * Parses the name of an image in a registry, with or without `docker://`.
 *
 * @throws BuildError `REFERENCE_INVALID`
 */
export function parseRegistryReference(text: string): Reference {
  const transport = /^(?:oci|oci-archive|docker-archive):/.exec(text)?.[0];
  if (transport === undefined) return parseReference(text.replace(/^docker:\/\//, ''));
  throw new BuildError('REFERENCE_INVALID', `${transport} names no image of a registry`, {
    suggestion: 'write it as registry.example.com/name:tag; s2oci copy brings images there',
  });
}
