/** Images: where they are (registry, OCI layout, archives), composing, copying and reading them. */

export {
  type ArtifactContent,
  type ArtifactFile,
  type ArtifactSink,
  attachArtifact,
  type PutArtifact,
  putArtifact,
} from './artifact.ts';
export type { ComposedImage, ImageChange, ImageParts, NewLayer } from './compose.ts';
export { assembleImage, completeHistory, composeImage, layerDescriptor } from './compose.ts';
export { type CopyOptions, type CopyReport, copyImage } from './copy.ts';
export { type OpenDeps, openDestination, openSource } from './open.ts';
export type {
  CurrentImage,
  ImageDestination,
  ImageSource,
  PinnedImage,
  PutManifestOptions,
} from './ports.ts';
export { readImage, type StoredImage } from './read.ts';
export {
  type FetchedImage,
  Registry,
  type RegistryCopyOptions,
  type RegistryDeps,
} from './registry.ts';
export { type RegistryImage, registryImage } from './registry-transport.ts';
export { selectPlatform } from './select-platform.ts';
export {
  type DockerArchiveName,
  type LayoutName,
  parseTransport,
  type RegistryName,
  type TransportName,
  writtenName,
} from './transport-name.ts';
