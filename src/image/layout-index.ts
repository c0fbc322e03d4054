/**
 * `index.json` of an OCI layout: the images it holds and their names (OCI image-spec, image-layout.md).
 */

import { BuildError } from '../errors/index.ts';
import {
  composeIndex,
  type Descriptor,
  displayText,
  type Index,
  isIndexType,
  isManifestType,
  parseJsonObject,
  parseManifest,
} from '../model/index.ts';
import type { LayoutName } from './transport-name.ts';

/** The annotation that names an image inside a layout. */
export const refNameAnnotation = 'org.opencontainers.image.ref.name';

/** Content of the file `oci-layout`. */
export const layoutMarker = `${JSON.stringify({ imageLayoutVersion: '1.0.0' })}\n`;

/**
 * Checks the content of the file `oci-layout`.
 *
 * @throws BuildError `MANIFEST_INVALID` for another version
 */
export function checkLayoutMarker(bytes: Uint8Array, what: string): void {
  const version = parseJsonObject(bytes, `oci-layout of ${what}`, 'MANIFEST_INVALID')[
    'imageLayoutVersion'
  ];
  if (version === '1.0.0') return;
  throw new BuildError(
    'MANIFEST_INVALID',
    `${what} is an OCI layout of the unknown version ${JSON.stringify(version ?? null)}`,
  );
}

/** Parses `index.json`. @throws BuildError `MANIFEST_INVALID` and its kin */
export function parseLayoutIndex(bytes: Uint8Array, what: string): Index {
  const parsed = parseManifest(bytes, undefined, `index.json of ${what}`);
  if (parsed.kind === 'index') return parsed;
  throw new BuildError('MANIFEST_INVALID', `index.json of ${what} is not an index`);
}

/**
 * Finds the image that a name means: by digest, by tag (the first entry wins), or the only one.
 *
 * @returns undefined when a digest is asked for that is not listed
 * @throws BuildError `IMAGE_NOT_FOUND` listing what there is
 */
export function findImage(index: Index, name: LayoutName, what: string): Descriptor | undefined {
  const images = index.manifests.filter(
    ({ mediaType }) => isManifestType(mediaType) || isIndexType(mediaType),
  );
  if (name.digest !== undefined) return images.find(({ digest }) => digest === name.digest);
  const matching =
    name.tag === undefined ? images : images.filter((image) => nameOf(image) === name.tag);
  const [first] = matching;
  if (first === undefined || (name.tag === undefined && isAmbiguous(matching))) {
    throw notFound(images, name, what);
  }
  return first;
}

/** Returns the index with the image under its name; what had that name before is listed no more. */
export function replaceImage(index: Index, image: Descriptor, tag: string | undefined): Index {
  const { artifactType, subject, annotations } = index;
  const kept = index.manifests.filter((entry) => nameOf(entry) !== tag);
  const { [refNameAnnotation]: _, ...others } = image.annotations ?? {};
  const named = tag === undefined ? others : { ...others, [refNameAnnotation]: tag };
  const { annotations: __, ...bare } = image;
  const entry = Object.keys(named).length === 0 ? bare : { ...bare, annotations: named };
  return composeIndex([...kept, entry], {
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(subject === undefined ? {} : { subject }),
    ...(annotations === undefined ? {} : { annotations }),
  });
}

function nameOf(image: Descriptor): string | undefined {
  return image.annotations?.[refNameAnnotation];
}

function isAmbiguous(images: readonly Descriptor[]): boolean {
  return new Set(images.map(({ digest }) => digest)).size > 1;
}

function notFound(images: readonly Descriptor[], name: LayoutName, what: string): BuildError {
  const tags = images.map(nameOf).filter((tag) => tag !== undefined);
  const list = tags.slice(0, 20).map(displayText).join(', ');
  const problem =
    name.tag !== undefined
      ? `it has no image ${JSON.stringify(name.tag)}`
      : images.length === 0
        ? 'it holds no image'
        : `it holds ${images.length} images`;
  return new BuildError('IMAGE_NOT_FOUND', `cannot read an image from ${what}: ${problem}`, {
    ...(tags.length === 0 ? {} : { suggestion: `name one of these: ${list}` }),
  });
}
