/**
 * The names users give to images: a reference into a registry, or `transport:details` in the spelling that
 * skopeo, podman and buildah share (containers-transports(5)). Pure.
 */

import { BuildError } from '../errors/index.ts';
import {
  type Digest,
  formatReference,
  isDigest,
  parseReference,
  type Reference,
  withDefaultTag,
} from '../model/index.ts';

/** An image of an OCI layout, as a directory or as an archive of one. */
export interface LayoutName {
  readonly transport: 'oci' | 'oci-archive';
  readonly path: string;
  /** What `org.opencontainers.image.ref.name` says; absent for the only or unnamed image. */
  readonly tag?: string;
  /** Wins over the tag when reading. */
  readonly digest?: Digest;
}

/** An image of an archive as `docker save` writes it. */
export interface DockerArchiveName {
  readonly transport: 'docker-archive';
  readonly path: string;
  readonly reference?: Reference;
  /** Position among the images of the archive, for those without a name; only for reading. */
  readonly index?: number;
}

/** An image of a registry. */
export interface RegistryName {
  readonly transport: 'registry';
  readonly reference: Reference;
}

/** Where an image is. */
export type TransportName = RegistryName | LayoutName | DockerArchiveName;

/** Transports of other tools, which have no meaning without their daemon or storage. */
const foreign: Readonly<Record<string, string>> = {
  'docker-daemon': 'a docker daemon',
  'containers-storage': 'the storage of podman and buildah',
  dir: 'a directory in a format of skopeo',
  ostree: 'an ostree repository',
  sif: 'a Singularity image',
};

/**
 * Parses the name of an image: `[docker://]registry/name:tag`, `oci:DIR[:tag]`, `oci-archive:FILE[:tag]`,
 * `docker-archive:FILE[:name:tag]`. A path ends at the first colon.
 *
 * @throws BuildError `REFERENCE_INVALID`, `USAGE_INVALID` for transports that are not supported
 */
export function parseTransport(text: string): TransportName {
  if (text.startsWith('docker://')) return registryName(text.slice('docker://'.length));
  const colon = text.indexOf(':');
  const transport = text.slice(0, Math.max(colon, 0));
  const details = text.slice(colon + 1);
  switch (transport) {
    case 'oci':
    case 'oci-archive':
      return layoutName(transport, details, text);
    case 'docker-archive':
      return dockerArchiveName(details, text);
    default:
      if (Object.hasOwn(foreign, transport)) throw unsupported(transport);
      return registryName(text);
  }
}

/**
 * Returns a name that says its registry, for an image that was or will be written under that name: what a short
 * name stands for when images are looked for is no matter then.
 *
 * @throws BuildError as {@link parseTransport}
 */
export function writtenName(text: string): string {
  const name = parseTransport(text);
  return name.transport === 'registry' ? formatReference(name.reference) : text;
}

/** Writes the name so that {@link parseTransport} reads it back. */
export function formatLayoutName({ transport, path, tag, digest }: LayoutName): string {
  const tagged = tag === undefined ? `${transport}:${path}` : `${transport}:${path}:${tag}`;
  return digest === undefined ? tagged : `${tagged}@${digest}`;
}

function registryName(text: string): RegistryName {
  return { transport: 'registry', reference: withDefaultTag(parseReference(text)) };
}

function layoutName(
  transport: LayoutName['transport'],
  details: string,
  whole: string,
): LayoutName {
  const at = details.lastIndexOf('@');
  const suffix = at === -1 ? '' : details.slice(at + 1);
  const digest = isDigest(suffix) ? suffix : undefined;
  const { path, rest } = splitPath(digest === undefined ? details : details.slice(0, at), whole);
  if (rest === '') throw invalid(whole, 'nothing follows the colon after the path');
  return {
    transport,
    path,
    ...(rest === undefined ? {} : { tag: requireLayoutTag(rest, whole) }),
    ...(digest === undefined ? {} : { digest }),
  };
}

function dockerArchiveName(details: string, whole: string): DockerArchiveName {
  const { path, rest } = splitPath(details, whole);
  if (rest === undefined) return { transport: 'docker-archive', path };
  const index = /^@(\d{1,6})$/.exec(rest)?.[1];
  if (index !== undefined) return { transport: 'docker-archive', path, index: Number(index) };
  const reference = withDefaultTag(parseReference(rest));
  if (reference.digest !== undefined) throw invalid(whole, 'archives of docker know no digests');
  return { transport: 'docker-archive', path, reference };
}

function splitPath(details: string, whole: string): { path: string; rest: string | undefined } {
  const colon = details.indexOf(':');
  const path = colon === -1 ? details : details.slice(0, colon);
  if (path === '') throw invalid(whole, 'it has no path');
  if (path.includes('\0')) throw invalid(whole, 'its path holds a NUL character');
  return { path, rest: colon === -1 ? undefined : details.slice(colon + 1) };
}

/** Tags of layouts may be whole references, but nothing that a terminal or a shell trips over. */
function requireLayoutTag(tag: string, whole: string): string {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9._:@/+-]{0,254})$/.test(tag)) return tag;
  throw invalid(whole, `${JSON.stringify(tag.slice(0, 100))} is not a tag`);
}

function unsupported(transport: string): BuildError {
  return new BuildError(
    'USAGE_INVALID',
    `images cannot be in ${foreign[transport]} (${transport}:)`,
    {
      suggestion:
        'use a registry, oci:DIR, oci-archive:FILE or docker-archive:FILE; skopeo copy converts',
    },
  );
}

function invalid(whole: string, why: string): BuildError {
  return new BuildError(
    'REFERENCE_INVALID',
    `not the name of an image: ${JSON.stringify(whole.slice(0, 200))}: ${why}`,
    {
      suggestion:
        'write it as registry.example.com/name:tag, oci:DIR:tag, oci-archive:FILE or docker-archive:FILE',
    },
  );
}
