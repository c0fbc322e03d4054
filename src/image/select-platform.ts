/**
 * Picks the manifest for one platform out of an index (OCI image-spec, image-index.md). Indexes may
 * hold indexes; attestations of BuildKit (`unknown/unknown`) are never picked.
 */

import { readAll } from '../blob/index.ts';
import { BuildError } from '../errors/index.ts';
import {
  type Descriptor,
  type Digest,
  displayText,
  formatPlatform,
  isIndexType,
  isManifestType,
  matchPlatforms,
  maxConfigSize,
  normalizePlatform,
  type Platform,
  parseImageConfig,
  parseManifest,
} from '../model/index.ts';
import type { ImageSource } from './ports.ts';

/** How deep indexes may lie in indexes. */
export const maxIndexDepth = 4;

/** How many indexes may lie below one. */
const maxIndexes = 100;

/** Entries without a platform whose config is read to learn it. */
const maxConfigsRead = 16;

type Reader = Pick<ImageSource, 'name' | 'open' | 'readManifest'>;

interface Offer {
  readonly descriptor: Descriptor;
  readonly platform: Platform;
}

/**
 * Returns the descriptor of the manifest for `platform`. What is not an index is returned as it is: an
 * image for one platform only, whose config says which.
 *
 * @throws BuildError `PLATFORM_NOT_FOUND` listing what is offered, `LIMIT_EXCEEDED` for indexes nested too
 * deep, and what reading and parsing throw
 */
export async function selectPlatform(
  source: Reader,
  descriptor: Descriptor,
  platform: Platform,
  signal?: AbortSignal,
): Promise<Descriptor> {
  if (!isIndexType(descriptor.mediaType)) return descriptor;
  const manifests = await manifestsOf(source, descriptor, signal);
  const offers = await platformsOf(source, manifests, signal);
  const [best] = matchPlatforms(platform, offers, (offer) => offer.platform);
  if (best !== undefined) return best.descriptor;
  throw notFound(source.name, platform, offers);
}

/** Lists the manifests below an index, in order; attestations and unknown types left out. */
async function manifestsOf(
  source: Reader,
  root: Descriptor,
  signal: AbortSignal | undefined,
): Promise<readonly Descriptor[]> {
  const found: Descriptor[] = [];
  const seen = new Set<Digest>();
  const walk = async (index: Descriptor, depth: number): Promise<void> => {
    if (depth > maxIndexDepth)
      throw tooLarge(source.name, `nested deeper than ${maxIndexDepth} levels`);
    if (seen.has(index.digest)) return;
    seen.add(index.digest);
    if (seen.size > maxIndexes) throw tooLarge(source.name, `more than ${maxIndexes}`);
    for (const entry of (await readIndex(source, index, signal)).filter(isRunnable)) {
      if (isIndexType(entry.mediaType)) await walk(entry, depth + 1);
      else if (isManifestType(entry.mediaType)) found.push(entry);
    }
  };
  await walk(root, 1);
  return found;
}

async function readIndex(
  source: Reader,
  index: Descriptor,
  signal: AbortSignal | undefined,
): Promise<readonly Descriptor[]> {
  const bytes = await source.readManifest(index, signal);
  const parsed = parseManifest(bytes, index.mediaType, `index of ${source.name}`);
  if (parsed.kind === 'index') return parsed.manifests;
  throw new BuildError('MANIFEST_INVALID', `${source.name}: what is listed as an index is none`);
}

function tooLarge(name: string, why: string): BuildError {
  return new BuildError('LIMIT_EXCEEDED', `${name} is refused: its indexes are ${why}`);
}

function isRunnable({ platform }: Descriptor): boolean {
  return platform?.os !== 'unknown' || platform.architecture !== 'unknown';
}

async function platformsOf(
  source: Reader,
  manifests: readonly Descriptor[],
  signal: AbortSignal | undefined,
): Promise<readonly Offer[]> {
  const offers: Offer[] = [];
  let configsRead = 0;
  for (const descriptor of manifests) {
    const listed = descriptor.platform;
    if (listed !== undefined) {
      offers.push({ descriptor, platform: normalizePlatform(listed) });
    } else if (configsRead < maxConfigsRead) {
      configsRead += 1;
      offers.push({ descriptor, platform: await platformOfConfig(source, descriptor, signal) });
    }
  }
  return offers;
}

async function platformOfConfig(
  source: Reader,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): Promise<Platform> {
  const bytes = await source.readManifest(descriptor, signal);
  const manifest = parseManifest(bytes, descriptor.mediaType, `manifest of ${source.name}`);
  if (manifest.kind !== 'manifest') {
    throw new BuildError(
      'MANIFEST_INVALID',
      `${source.name}: what is listed as a manifest is none`,
    );
  }
  const what = `config of ${source.name}`;
  const config = await readAll(await source.open(manifest.config, signal), maxConfigSize, what);
  return parseImageConfig(config, what).platform;
}

function notFound(name: string, platform: Platform, offers: readonly Offer[]): BuildError {
  const offered = [...new Set(offers.map((offer) => displayText(formatPlatform(offer.platform))))];
  const list = offered.length === 0 ? 'no image that can be run' : offered.slice(0, 20).join(', ');
  return new BuildError(
    'PLATFORM_NOT_FOUND',
    `${name} has no image for ${formatPlatform(platform)}: it offers ${list}`,
    offered.length === 0
      ? {}
      : { suggestion: `ask for one of them, such as --platform ${offered[0]}` },
  );
}
