/** Where everything in `$S2OCI_HOME` lies (docs/design.md, "The local state"). */

import { join } from 'node:path';
import { algorithmOf, type Digest, hexOf } from '../model/index.ts';

/** The version of the layout of the state directory, as written in its file `format`. */
export const formatVersion = 1;

/** Paths inside one state directory. */
export class StorePaths {
  readonly home: string;
  readonly format: string;
  /** The OCI layout. */
  readonly layout: string;
  readonly ingest: string;
  readonly quarantine: string;
  readonly rootfs: string;
  readonly builds: string;
  /** Directories that scripts keep between builds. */
  readonly caches: string;
  readonly locks: string;
  readonly leases: string;
  readonly records: string;
  /** Blobs are never written again. */
  readonly blobMode = 0o444;
  /** Taken to make or judge leases against removals. */
  readonly gate: string;

  constructor(home: string) {
    this.home = home;
    this.format = join(home, 'format');
    this.layout = join(home, 'store');
    this.ingest = join(this.layout, 'ingest');
    this.quarantine = join(home, 'quarantine');
    this.rootfs = join(home, 'rootfs');
    this.builds = join(home, 'builds');
    this.caches = join(home, 'caches');
    this.locks = join(home, 'locks');
    this.leases = join(home, 'leases');
    this.records = join(home, 'records');
    this.gate = join(this.locks, 'gate');
  }

  /** The file of a blob. */
  blob(digest: Digest): string {
    return join(this.layout, 'blobs', algorithmOf(digest), hexOf(digest));
  }

  /** The lock file of a named thing. */
  lock(kind: 'blob' | 'rootfs' | 'lease' | 'build' | 'ingest', name: string): string {
    return join(this.locks, `${kind}-${name}`);
  }

  /** Every directory, parents first. */
  directories(): readonly string[] {
    return [
      this.layout,
      join(this.layout, 'blobs'),
      join(this.layout, 'blobs', 'sha256'),
      join(this.layout, 'blobs', 'sha512'),
      this.ingest,
      this.quarantine,
      this.rootfs,
      this.builds,
      this.caches,
      this.locks,
      this.leases,
      this.records,
    ];
  }
}
