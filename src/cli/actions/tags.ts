/** `s2oci tags` and `s2oci tag`: listing tags, and giving further ones without moving a byte of a layer. */

import { BuildError } from '../../errors/index.ts';
import {
  formatReference,
  isTag,
  manifestSelector,
  type Reference,
  withDefaultTag,
} from '../../model/index.ts';
import { flagOption, type Invocation } from '../command.ts';
import { parseRegistryReference, withRepository } from '../repository.ts';

/** Prints the tags. */
export async function listTags(invocation: Invocation): Promise<number> {
  const { args, options, io } = invocation;
  const reference = parseRegistryReference(args[0] ?? '');
  const name = formatReference({
    registry: reference.registry,
    repository: reference.repository,
  });
  if (reference.tag !== undefined || reference.digest !== undefined) {
    throw new BuildError('USAGE_INVALID', 'tags are those of a repository, not of an image', {
      suggestion: `s2oci tags ${name}`,
    });
  }
  const tags = await withRepository(invocation, reference, (repository) =>
    repository.tags(io.signal),
  );
  io.stdout.write(
    flagOption(options, 'json')
      ? `${JSON.stringify({ name, tags })}\n`
      : tags.map((tag) => `${tag}\n`).join(''),
  );
  return 0;
}

/** Gives an image more tags. */
export async function addTags(invocation: Invocation): Promise<number> {
  const { args, io } = invocation;
  const [image = '', ...wanted] = args;
  const reference = withDefaultTag(parseRegistryReference(image));
  const tags = [...new Set(wanted.map((text) => tagWithin(reference, text)))];
  const digest = await withRepository(invocation, reference, async (repository) => {
    const descriptor = await repository.resolve(manifestSelector(reference), io.signal);
    const bytes = await repository.fetchManifest(descriptor, io.signal);
    return repository.putManifest(bytes, descriptor.mediaType, tags, io.signal);
  });
  const { registry, repository } = reference;
  for (const tag of tags) {
    io.stdout.write(`${formatReference({ registry, repository, tag, digest })}\n`);
  }
  return 0;
}

/** A tag of the same repository; another repository would need blobs to be moved. */
function tagWithin({ registry, repository }: Reference, text: string): string {
  if (isTag(text)) return text;
  const target = parseRegistryReference(text);
  const isSame = target.registry === registry && target.repository === repository;
  if (isSame && target.tag !== undefined && target.digest === undefined) return target.tag;
  const why = isSame ? 'it names no tag' : 'it is in another repository';
  throw new BuildError('USAGE_INVALID', `cannot tag as ${JSON.stringify(text)}: ${why}`, {
    suggestion: isSame ? 'give a tag such as 1.4' : 's2oci copy SOURCE DESTINATION brings it there',
  });
}
