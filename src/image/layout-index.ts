/**
 * `index.json` of an OCI layout: the images it holds and their names (OCI image-spec, image-layout.md).
 */

import { BuildError } from '../errors/index.ts';
import {
  composeIndex,
  type Descriptor,
  type Digest,
  displayText,
  type Index,
  isDigest,
  isIndexType,
  isManifestType,
  parseJsonObject,
  parseManifest,
} from '../model/index.ts';
import type { LayoutName } from './transport-name.ts';

/** The annotation that names an image inside a layout. */
export const refNameAnnotation = 'org.opencontainers.image.ref.name';

/**
 * The annotation by which the entry of an image names what is attached to it, as a JSON object from artifact types
 * to digests. A list entry of its own would make the layout one of several images to other tools.
 */
const referrersAnnotation = 'io.s2oci.referrers';

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

/** Returns the digest of the artifact of a type that is attached to an image of the layout. */
export function referrerOf(
  index: Index,
  subject: Digest,
  artifactType: string,
): Digest | undefined {
  const entry = index.manifests.find(({ digest }) => digest === subject);
  const digest = entry && referrersOf(entry)[artifactType];
  return isDigest(digest) ? digest : undefined;
}

/** Returns the index in which an image has an artifact attached, in the place of one of the same type. */
export function attachReferrer(
  index: Index,
  subject: Digest,
  artifactType: string,
  digest: Digest,
): Index {
  const manifests = index.manifests.map((entry) => {
    if (entry.digest !== subject) return entry;
    const referrers = JSON.stringify({ ...referrersOf(entry), [artifactType]: digest });
    return { ...entry, annotations: { ...entry.annotations, [referrersAnnotation]: referrers } };
  });
  return recomposed(index, manifests);
}

function referrersOf({ annotations }: Descriptor): Readonly<Record<string, unknown>> {
  const text = annotations?.[referrersAnnotation];
  try {
    return text === undefined ? {} : parseJsonObject(text, referrersAnnotation, 'MANIFEST_INVALID');
  } catch {
    return {};
  }
}

/** Returns the index with the image under its name; what had that name before is listed no more. */
export function replaceImage(index: Index, image: Descriptor, tag: string | undefined): Index {
  const kept = index.manifests.filter((entry) => nameOf(entry) !== tag);
  const same = index.manifests.find(({ digest }) => digest === image.digest);
  const referrers = same?.annotations?.[referrersAnnotation];
  const { [refNameAnnotation]: _, ...others } = image.annotations ?? {};
  const annotations = {
    ...others,
    ...(referrers === undefined ? {} : { [referrersAnnotation]: referrers }),
    ...(tag === undefined ? {} : { [refNameAnnotation]: tag }),
  };
  const { annotations: __, ...bare } = image;
  const entry = Object.keys(annotations).length === 0 ? bare : { ...bare, annotations };
  return recomposed(index, [...kept, entry]);
}

function recomposed(index: Index, manifests: readonly Descriptor[]): Index {
  const { artifactType, subject, annotations } = index;
  return composeIndex(manifests, {
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
