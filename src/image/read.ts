/** Reads an image for one platform: pinned manifest, verified config. */

import { buffer } from 'node:stream/consumers';
import { BuildError } from '../errors/index.ts';
import {
  type Descriptor,
  type ImageConfig,
  type Manifest,
  maxConfigSize,
  mediaTypes,
  type Platform,
  parseImageConfig,
  parseManifest,
} from '../model/index.ts';
import type { ImageSource } from './ports.ts';
import { selectPlatform } from './select-platform.ts';

/** An image as its source holds it. */
export interface StoredImage {
  /** Descriptor of the platform's manifest. */
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  readonly configBytes: Uint8Array;
}

/**
 * Reads manifest and config of an image.
 *
 * @throws BuildError `IMAGE_NOT_FOUND`, `PLATFORM_NOT_FOUND`, `MANIFEST_INVALID`, `IMAGE_CONFIG_INVALID`,
 * `MEDIA_TYPE_UNSUPPORTED` for artifacts, and the errors of the transport
 */
export async function readImage(
  source: ImageSource,
  platform: Platform,
  signal?: AbortSignal,
): Promise<StoredImage> {
  const descriptor = await selectPlatform(source, await source.resolve(signal), platform, signal);
  const manifest = parseManifest(
    await source.readManifest(descriptor, signal),
    descriptor.mediaType,
    source.name,
  );
  if (manifest.kind === 'index')
    throw new BuildError('INTERNAL', `${source.name} was resolved to an index`);
  const { config: configDescriptor } = manifest;
  if (
    configDescriptor.mediaType !== mediaTypes.ociConfig &&
    configDescriptor.mediaType !== mediaTypes.dockerConfig
  ) {
    throw new BuildError(
      'MEDIA_TYPE_UNSUPPORTED',
      `${source.name} is no image: its config is ${configDescriptor.mediaType}`,
    );
  }
  if (configDescriptor.size > maxConfigSize) {
    throw new BuildError(
      'LIMIT_EXCEEDED',
      `the config of ${source.name} is larger than ${maxConfigSize} bytes`,
    );
  }
  const configBytes = await readBlob(source, configDescriptor, signal);
  const config = parseImageConfig(configBytes, `config of ${source.name}`);
  return { descriptor, manifest, config, configBytes };
}

async function readBlob(
  source: ImageSource,
  descriptor: Descriptor,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (descriptor.data !== undefined) return Buffer.from(descriptor.data, 'base64');
  return buffer(await source.open(descriptor, signal));
}
