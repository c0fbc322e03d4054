/** `s2oci tags` and `s2oci tag`: listing tags, and giving further ones without moving a byte of a layer. */

import type { CommandSpec } from '../command.ts';
import { registryOptions } from './build-options.ts';

/** Lists the tags of a repository. */
export const tagsCommand: CommandSpec = {
  name: 'tags',
  summary: 'list the tags of a repository',
  arguments: [{ name: '<repository>', description: 'registry and name, without a tag' }],
  options: [{ flags: '--json', description: 'print JSON' }, ...registryOptions],
  examples: ['s2oci tags registry.example.com/apps/hello'],
  run: async (invocation) => (await import('../actions/tags.ts')).listTags(invocation),
};

/** Gives an image more tags. */
export const tagCommand: CommandSpec = {
  name: 'tag',
  summary: 'give an image of a registry more tags',
  description:
    'Gives an image more tags within its repository. Only its manifest is sent; an index keeps all its platforms. Prints each tag with the digest it now stands for.',
  arguments: [
    { name: '<image>', description: 'reference by tag or digest' },
    { name: '<new-tag...>', description: 'tags, alone or as references into the same repository' },
  ],
  options: registryOptions,
  examples: ['s2oci tag registry.example.com/apps/hello:1.4.2 1.4 1 latest'],
  run: async (invocation) => (await import('../actions/tags.ts')).addTags(invocation),
};
