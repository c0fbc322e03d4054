/**
 * The media types that images are made of (OCI image-spec, media-types.md; Docker Image Manifest V2,
 * Schema 2), and what they say about a blob.
 */

/** Media types by the name that the code uses for them. */
export const mediaTypes = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerForeignLayerGzip: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
} as const;

/** How the bytes of a layer blob are compressed. */
export type Compression = 'none' | 'gzip' | 'zstd';

/** The two families of media types; one manifest never mixes them. */
export type MediaTypeFamily = 'oci' | 'docker';

/** What to send as `Accept` when asking for a manifest of any supported kind. */
export const manifestAccept: readonly string[] = [
  mediaTypes.ociManifest,
  mediaTypes.ociIndex,
  mediaTypes.dockerManifest,
  mediaTypes.dockerIndex,
];

/** Strips parameters such as `; charset=utf-8` and surrounding space, and lower-cases the type. */
export function bareMediaType(value: string): string {
  return (value.split(';', 1)[0] ?? '').trim().toLowerCase();
}

/** Tells whether the type is an image index or a Docker manifest list. */
export function isIndexType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerIndex;
}

/** Tells whether the type is an image manifest of either family. */
export function isManifestType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.dockerManifest;
}

/** Tells whether the type is a Docker schema 1 manifest, which is refused everywhere. */
export function isSchema1Type(mediaType: string): boolean {
  return /^application\/vnd\.docker\.distribution\.manifest\.v1\+(json|prettyjws)$/.test(mediaType);
}

/** Tells whether the layer may lie outside the registry and is not to be uploaded by default. */
export function isForeignLayerType(mediaType: string): boolean {
  return mediaType.includes('.nondistributable.') || mediaType.includes('.rootfs.foreign.');
}

/** Returns the compression of a layer blob by its media type, or undefined when it is no layer type known here. */
export function layerCompression(mediaType: string): Compression | undefined {
  if (/^application\/vnd\.oci\.image\.layer\.(nondistributable\.)?v1\.tar/.test(mediaType)) {
    if (mediaType.endsWith('+gzip')) return 'gzip';
    if (mediaType.endsWith('+zstd')) return 'zstd';
    return mediaType.endsWith('.tar') ? 'none' : undefined;
  }
  if (/^application\/vnd\.docker\.image\.rootfs\.(foreign\.)?diff\.tar(\.gzip)?$/.test(mediaType)) {
    return mediaType.endsWith('.gzip') ? 'gzip' : 'none';
  }
  return undefined;
}

/**
 * Returns the media type for a new layer. Docker knows no zstd, so zstd is always of the OCI family.
 */
export function layerMediaType(compression: Compression, family: MediaTypeFamily): string {
  if (compression === 'zstd') return mediaTypes.ociLayerZstd;
  if (family === 'docker')
    return compression === 'gzip' ? mediaTypes.dockerLayerGzip : mediaTypes.dockerLayer;
  return compression === 'gzip' ? mediaTypes.ociLayerGzip : mediaTypes.ociLayer;
}
