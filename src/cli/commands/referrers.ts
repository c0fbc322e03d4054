/** `s2oci attach` and `s2oci referrers`: what belongs to an image without being part of it. */

import type { CommandSpec } from '../command.ts';
import { registryOptions } from './build-options.ts';

const imageArgument = { name: '<image>', description: 'reference by tag or digest' };

/** Attaches a file to an image. */
export const attachCommand: CommandSpec = {
  name: 'attach',
  summary: 'attach a file to an image of a registry',
  description:
    'Attaches a file, such as a bill of materials or a report, to an image or index: as an OCI artifact whose subject it is. Registries that know no referrers are served by a tag that lists them. Attaching the same again changes nothing. Prints the reference of the artifact.',
  arguments: [imageArgument, { name: '<file>', description: 'what to attach' }],
  options: [
    { flags: '--artifact-type <type>', description: 'what it is, as a media type (required)' },
    {
      flags: '--media-type <type>',
      description: 'media type of the file',
      defaultValue: 'application/octet-stream',
    },
    {
      flags: '--annotation <NAME=VALUE>',
      description: 'annotation of the artifact',
      repeatable: true,
    },
    ...registryOptions,
  ],
  examples: [
    's2oci attach registry.example.com/apps/hello:1 sbom.json --artifact-type application/spdx+json',
  ],
  run: async (invocation) => (await import('../actions/referrers.ts')).attach(invocation),
};

/** Lists what is attached to an image. */
export const referrersCommand: CommandSpec = {
  name: 'referrers',
  summary: 'list what is attached to an image',
  description:
    'Lists the manifests that have the image as their subject: digest and artifact type, one per line.',
  arguments: [imageArgument],
  options: [
    { flags: '--artifact-type <type>', description: 'only those of this type' },
    { flags: '--json', description: 'print JSON' },
    ...registryOptions,
  ],
  examples: ['s2oci referrers registry.example.com/apps/hello:1'],
  run: async (invocation) => (await import('../actions/referrers.ts')).listReferrers(invocation),
};
