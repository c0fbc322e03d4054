/** Labels that assemble leaves behind in `/tmp/.s2i/image_metadata.json`: `{"labels":[{"name":"value"},...]}`. */

import { BuildError } from '../errors/index.ts';
import { isJsonObject, type Json, parseJsonObject } from '../model/index.ts';
import { type Labels, labelsFrom } from './labels.ts';
import { imageMetadataPath } from './names.ts';

/** The most bytes of the file that are read. */
export const maxImageMetadataSize = 256 * 1024;

/**
 * Reads the labels; later ones replace earlier ones. A document without `labels` has none; other keys are ignored.
 *
 * @throws BuildError `BUILDER_INVALID` for anything that is not of this form, `LIMIT_EXCEEDED`
 */
export function parseImageMetadata(bytes: Uint8Array): Labels {
  if (bytes.length > maxImageMetadataSize)
    throw new BuildError(
      'LIMIT_EXCEEDED',
      `${imageMetadataPath} is larger than ${maxImageMetadataSize} bytes`,
    );
  if (bytes.length === 0) refuse('it is empty');
  const { labels } = parseJsonObject(bytes, imageMetadataPath, 'BUILDER_INVALID');
  if (labels === undefined || labels === null) return labelsFrom([]);
  if (!Array.isArray(labels)) refuse('"labels" is not a list');
  return labelsFrom(labels.flatMap(entriesOf));
}

function entriesOf(item: Json): [string, string][] {
  if (!isJsonObject(item)) refuse('"labels" holds something that is not an object');
  return Object.entries(item).map(([name, value]) => {
    if (name === '') refuse('a label has no name');
    if (typeof value !== 'string')
      refuse(`the value of label ${JSON.stringify(name)} is not a string`);
    return [name, value];
  });
}

function refuse(why: string): never {
  throw new BuildError(
    'BUILDER_INVALID',
    `${imageMetadataPath}, which assemble wrote, is not acceptable: ${why}`,
    {
      origin: 'builder',
      suggestion:
        'assemble has to write {"labels":[{"name":"value"}]} with strings, or no such file',
    },
  );
}
