/**
 * `manifest.json` of an archive as `docker save` writes it: a list of images, each with config, names and
 * layers as members of the archive. Pure.
 */

import { BuildError } from '../errors/index.ts';
import {
  displayText,
  formatReference,
  isJsonObject,
  type Json,
  type JsonObject,
  parseJsonObject,
  parseReference,
  withDefaultTag,
} from '../model/index.ts';
import type { DockerArchiveName } from './transport-name.ts';

/** One image of an archive. */
export interface ArchivedImage {
  /** The member with the config. */
  readonly config: string;
  /** The members with the layers, bottom first. */
  readonly layers: readonly string[];
  /** Names as written in the archive. */
  readonly names: readonly string[];
}

const maxLayers = 500;

/**
 * Parses `manifest.json`.
 *
 * @throws BuildError `MANIFEST_INVALID`, `LIMIT_EXCEEDED`
 */
export function parseDockerManifest(bytes: Uint8Array, what: string): readonly ArchivedImage[] {
  const title = `manifest.json of ${what}`;
  // The strict parser takes objects; a list that is not one value makes more than one key of it.
  const wrapped = Buffer.concat([Buffer.from('{"images":'), bytes, Buffer.from('}')]);
  const document = parseJsonObject(wrapped, title, 'MANIFEST_INVALID');
  const { images } = document;
  if (!Array.isArray(images) || Object.keys(document).length !== 1) {
    throw new BuildError('MANIFEST_INVALID', `${title} is not a list`);
  }
  return images.map((image: Json, i) => {
    if (isJsonObject(image)) return imageFrom(image, `image ${i + 1} of ${title}`);
    throw new BuildError('MANIFEST_INVALID', `${title} holds something that is not an image`);
  });
}

/**
 * Finds the image that a name means: by name, by position, or the only one.
 *
 * @throws BuildError `IMAGE_NOT_FOUND` listing what there is
 */
export function chooseArchivedImage(
  images: readonly ArchivedImage[],
  wanted: DockerArchiveName,
): ArchivedImage {
  const [first, second] = images;
  if (wanted.index !== undefined) {
    const found = images[wanted.index];
    if (found !== undefined) return found;
  } else if (wanted.reference !== undefined) {
    const name = formatReference(wanted.reference);
    const found = images.find(({ names }) => names.some((other) => canonical(other) === name));
    if (found !== undefined) return found;
  } else if (first !== undefined && second === undefined) {
    return first;
  }
  throw notFound(images, wanted);
}

function imageFrom(image: JsonObject, what: string): ArchivedImage {
  const { Config: config, RepoTags: names, Layers: layers } = image;
  if (typeof config !== 'string' || config === '') {
    throw new BuildError('MANIFEST_INVALID', `${what} has no Config`);
  }
  const found = {
    config,
    layers: textsOf(layers, 'Layers', what),
    names: textsOf(names, 'RepoTags', what),
  };
  if (found.layers.length <= maxLayers) return found;
  throw new BuildError('LIMIT_EXCEEDED', `${what} has more than ${maxLayers} layers`);
}

function textsOf(value: Json | undefined, key: string, what: string): readonly string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw new BuildError('MANIFEST_INVALID', `${key} of ${what} is not a list of strings`);
}

/** Names are compared in full; one that is no reference matches nothing. */
function canonical(name: string): string | undefined {
  try {
    return formatReference(withDefaultTag(parseReference(name)));
  } catch {
    return undefined;
  }
}

function notFound(images: readonly ArchivedImage[], wanted: DockerArchiveName): BuildError {
  const names = images.flatMap((image, i) => (image.names.length > 0 ? image.names : [`@${i}`]));
  const problem =
    wanted.reference !== undefined || wanted.index !== undefined
      ? 'it has no such image'
      : `it holds ${images.length} images`;
  const list = names.slice(0, 20).map(displayText).join(', ');
  return new BuildError('IMAGE_NOT_FOUND', `cannot read an image from ${wanted.path}: ${problem}`, {
    ...(names.length === 0 ? {} : { suggestion: `name one of these: ${list}` }),
  });
}
