/**
 * Manifests and tags. A manifest is one file, `<media type>\n<exact bytes>`, so type and content can never
 * part; a tag is one file that holds a digest.
 *
 * Order of writing: the marker of a referrer, the manifest, the tag. Order of removing: tags, manifest,
 * marker. A reader that finds a marker or tag without its manifest takes it as absent, so every moment at
 * which the server may be killed is consistent.
 */

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { algorithmOf, type Digest, hexOf, isDigest } from '../../model/index.ts';
import { ifPresent, removeFile, type WriteOptions, writeAtomically } from './files.ts';
import type { Layout } from './layout.ts';

/** A stored manifest with the media type under which it was pushed. */
export interface ManifestRecord {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** The manifests of all repositories. */
export class Manifests {
  readonly #layout: Layout;
  readonly #write: WriteOptions;

  constructor(layout: Layout, write: WriteOptions) {
    this.#layout = layout;
    this.#write = write;
  }

  /** Reads a manifest; undefined when the repository does not hold it. */
  async read(repository: string, digest: Digest): Promise<ManifestRecord | undefined> {
    const record = await ifPresent(readFile(this.#layout.manifest(repository, digest)));
    if (record === undefined) return undefined;
    const end = record.indexOf(0x0a);
    return { mediaType: record.toString('latin1', 0, end), bytes: record.subarray(end + 1) };
  }

  /** Stores a manifest whose bytes were verified against `digest`, and its place among the referrers of `subject`. */
  async write(
    repository: string,
    digest: Digest,
    record: ManifestRecord,
    subject: Digest | undefined,
  ): Promise<void> {
    if (subject !== undefined) {
      await writeAtomically(this.#marker(repository, subject, digest), '', this.#write);
    }
    const content = Buffer.concat([Buffer.from(`${record.mediaType}\n`, 'latin1'), record.bytes]);
    await writeAtomically(this.#layout.manifest(repository, digest), content, this.#write);
  }

  /** Removes a manifest and its place among the referrers of `subject`; false when it was not there. */
  async remove(repository: string, digest: Digest, subject: Digest | undefined): Promise<boolean> {
    const removed = await removeFile(this.#layout.manifest(repository, digest));
    if (subject !== undefined) await removeFile(this.#marker(repository, subject, digest));
    return removed;
  }

  /** Lists the digests of manifests that name `subject`, in ascending order; some may be gone. */
  async referrers(repository: string, subject: Digest): Promise<readonly Digest[]> {
    const names = await ifPresent(readdir(this.#layout.referrers(repository, subject)));
    return (names ?? [])
      .map((name) => name.replace('-', ':'))
      .filter(isDigest)
      .toSorted();
  }

  /** Tells whether anything was ever pushed to a repository. */
  async isKnown(repository: string): Promise<boolean> {
    for (const path of this.#layout.evidence(repository)) {
      if ((await ifPresent(stat(path))) !== undefined) return true;
    }
    return false;
  }

  #marker(repository: string, subject: Digest, digest: Digest): string {
    return join(
      this.#layout.referrers(repository, subject),
      `${algorithmOf(digest)}-${hexOf(digest)}`,
    );
  }
}

/** The tags of all repositories. */
export class Tags {
  readonly #layout: Layout;
  readonly #write: WriteOptions;

  constructor(layout: Layout, write: WriteOptions) {
    this.#layout = layout;
    this.#write = write;
  }

  /** Returns the digest that a tag points to, whether or not that manifest still exists. */
  async read(repository: string, tag: string): Promise<Digest | undefined> {
    const digest = await ifPresent(readFile(this.#layout.tag(repository, tag), 'latin1'));
    return isDigest(digest) ? digest : undefined;
  }

  /** Points a tag to a manifest. */
  async write(repository: string, tag: string, digest: Digest): Promise<void> {
    await writeAtomically(this.#layout.tag(repository, tag), digest, this.#write);
  }

  /** Removes a tag; false when it was not there. */
  async remove(repository: string, tag: string): Promise<boolean> {
    return await removeFile(this.#layout.tag(repository, tag));
  }

  /** Lists the tags of a repository in ASCII order. */
  async list(repository: string): Promise<readonly string[]> {
    return ((await ifPresent(readdir(this.#layout.tags(repository)))) ?? []).toSorted();
  }

  /** Removes every tag that points to a manifest. */
  async removeAllOf(repository: string, digest: Digest): Promise<void> {
    for (const tag of await this.list(repository)) {
      if ((await this.read(repository, tag)) === digest) await this.remove(repository, tag);
    }
  }
}
