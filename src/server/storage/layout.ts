/**
 * Where the embedded registry keeps things on disk; see ../README.md for the meaning of each place.
 *
 * Every path is made from values that were validated before (repository, tag, digest) or made here
 * (upload ids), so no request can name a file outside the directory. Components of repository names never
 * begin with `_`, so the `_` folders of a repository cannot collide with repositories below it.
 */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { algorithmOf, type Digest, hexOf } from '../../model/index.ts';

/** The version of this layout, kept in the file `format`. */
export const layoutVersion = 's2oci-registry 1';

/** Computes paths below the directory of one registry. */
export class Layout {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** The file that names the layout and its version. */
  get format(): string {
    return join(this.root, 'format');
  }

  /** Files being written that become visible by a rename. */
  get temporary(): string {
    return join(this.root, 'temporary');
  }

  /** Upload sessions, one file each. */
  get uploads(): string {
    return join(this.root, 'uploads');
  }

  /** Content of a blob, shared by all repositories that hold it. */
  content(digest: Digest): string {
    return join(this.root, 'blobs', algorithmOf(digest), hexOf(digest));
  }

  /** Hard link to the content, present when the repository holds the blob. */
  blob(repository: string, digest: Digest): string {
    return join(this.#repository(repository), '_blobs', algorithmOf(digest), hexOf(digest));
  }

  /** The record of a manifest: its media type, a newline, its exact bytes. */
  manifest(repository: string, digest: Digest): string {
    return join(this.#repository(repository), '_manifests', algorithmOf(digest), hexOf(digest));
  }

  /** The folder of a repository's tags, one file each. */
  tags(repository: string): string {
    return join(this.#repository(repository), '_tags');
  }

  /** The digest that a tag points to. */
  tag(repository: string, tag: string): string {
    return join(this.tags(repository), tag);
  }

  /** The folder of markers, one for each manifest that names `subject`. */
  referrers(repository: string, subject: Digest): string {
    return join(this.#repository(repository), '_referrers', algorithmOf(subject), hexOf(subject));
  }

  /** The folders whose presence makes a repository known. */
  evidence(repository: string): readonly string[] {
    return ['_manifests', '_blobs'].map((name) => join(this.#repository(repository), name));
  }

  /** The data of an upload session; the name binds the session to its repository. */
  upload(repository: string, id: string): string {
    const owner = createHash('sha256').update(repository).digest('hex').slice(0, 16);
    return join(this.uploads, `${id}.${owner}`);
  }

  #repository(name: string): string {
    return join(this.root, 'repositories', ...name.split('/'));
  }
}
