/**
 * Copies an image from anywhere to anywhere without changing a byte of it: blobs first, then manifests,
 * indexes after their children, the name last.
 */

import pLimit from 'p-limit';
import { copyBlob, type PutOutcome } from '../blob/index.ts';
import { BuildError } from '../errors/index.ts';
import { type Phase, type Reporter, silentReporter } from '../events/index.ts';
import {
  type Descriptor,
  type Digest,
  isForeignLayerType,
  isIndexType,
  isManifestType,
  type Manifest,
  type Platform,
  parseManifest,
} from '../model/index.ts';
import type { ImageDestination, ImageSource } from './ports.ts';
import { maxIndexDepth, selectPlatform } from './select-platform.ts';

/** What of an image to copy, and whom to tell. */
export interface CopyOptions {
  /** `all` copies an index with everything in it; a platform copies the one manifest for it. */
  readonly platform: Platform | 'all';
  readonly signal?: AbortSignal | undefined;
  readonly reporter?: Reporter;
  /** The phase that progress is reported under. */
  readonly phase?: Phase;
  readonly now?: () => number;
  /** Blobs moved at the same time; 4 by default. */
  readonly parallel?: number;
}

/** What was copied. */
export interface CopyReport {
  /** The image at its destination, as users pull it. */
  readonly reference: string;
  /** The manifest or index that now has the name. */
  readonly descriptor: Descriptor;
  /** How each blob came to be there. */
  readonly blobs: readonly { readonly descriptor: Descriptor; readonly outcome: PutOutcome }[];
}

/**
 * Copies an image.
 *
 * @throws BuildError of either side; `PLATFORM_NOT_FOUND`, `LIMIT_EXCEEDED` for indexes nested too deep. The
 * destination's name has not moved then.
 */
export async function copyImage(
  source: ImageSource,
  destination: ImageDestination,
  options: CopyOptions,
): Promise<CopyReport> {
  const { platform, signal } = options;
  const root = await source.resolve(signal);
  const chosen = platform === 'all' ? root : await selectPlatform(source, root, platform, signal);
  const copy = new ImageCopy(source, destination, options);
  const reference = await copy.document(chosen, true, 1);
  return { reference, descriptor: chosen, blobs: copy.blobs() };
}

class ImageCopy {
  readonly #source: ImageSource;
  readonly #destination: ImageDestination;
  readonly #options: CopyOptions;
  readonly #limit: ReturnType<typeof pLimit>;
  readonly #documents = new Set<Digest>();
  readonly #moves = new Map<Digest, Promise<void>>();
  readonly #outcomes: { descriptor: Descriptor; outcome: PutOutcome }[] = [];

  constructor(source: ImageSource, destination: ImageDestination, options: CopyOptions) {
    this.#source = source;
    this.#destination = destination;
    this.#options = options;
    this.#limit = pLimit(options.parallel ?? 4);
  }

  blobs(): CopyReport['blobs'] {
    return this.#outcomes;
  }

  /** Copies a manifest or index after everything it refers to. */
  async document(descriptor: Descriptor, tag: boolean, depth: number): Promise<string> {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    if (depth > maxIndexDepth + 1) {
      throw new BuildError(
        'LIMIT_EXCEEDED',
        `${this.#source.name}: indexes are nested deeper than ${maxIndexDepth} levels`,
      );
    }
    const bytes = await this.#source.readManifest(descriptor, signal);
    const parsed = parseManifest(bytes, descriptor.mediaType, `manifest of ${this.#source.name}`);
    if (parsed.kind === 'manifest') await this.#content(parsed);
    else for (const entry of parsed.manifests) await this.#listed(entry, depth);
    return this.#destination.putManifest(bytes, descriptor.mediaType, {
      tag,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** What an index lists need not be an image; what is not is copied as it is. */
  async #listed(entry: Descriptor, depth: number): Promise<void> {
    if (!isManifestType(entry.mediaType) && !isIndexType(entry.mediaType)) {
      await this.#blob(entry);
    } else if (!this.#documents.has(entry.digest)) {
      await this.document(entry, false, depth + 1);
      this.#documents.add(entry.digest);
    }
  }

  async #content({ config, layers }: Manifest): Promise<void> {
    const own = layers.filter(({ mediaType }) => !isForeignLayerType(mediaType));
    const moves = [...own, config].map((descriptor) => this.#blob(descriptor));
    // All have to settle: none may go on behind the back of whoever handles the first failure.
    const failed = (await Promise.allSettled(moves)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }

  #blob(descriptor: Descriptor): Promise<void> {
    const known = this.#moves.get(descriptor.digest);
    if (known !== undefined) return known;
    const move = this.#limit(() => this.#move(descriptor));
    this.#moves.set(descriptor.digest, move);
    return move;
  }

  async #move(descriptor: Descriptor): Promise<void> {
    const { signal, phase = 'publish', reporter = silentReporter, now = Date.now } = this.#options;
    signal?.throwIfAborted();
    const mountFrom = this.#destination.mountableFrom(this.#source);
    const onProgress = (current: number) =>
      reporter.emit({
        type: 'progress',
        phase,
        id: descriptor.digest,
        label: descriptor.digest.slice(7, 19),
        current,
        total: descriptor.size,
        unit: 'bytes',
        time: now(),
      });
    const outcome = await copyBlob(this.#source, this.#destination, descriptor, {
      onProgress,
      ...(signal === undefined ? {} : { signal }),
      ...(mountFrom === undefined ? {} : { mountFrom }),
    });
    this.#outcomes.push({ descriptor, outcome });
  }
}
