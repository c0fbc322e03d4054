/**
 * What an archive may ask of its reader. Hostile archives are cheap to make: every count and length
 * that an archive controls has a limit here, and reading stays linear in the bytes given.
 */

/** The limits of a {@link TarReader}; each is checked before memory or time is spent. */
export interface TarLimits {
  /** Entries of one archive, headers of extensions not counted. */
  readonly entries: number;
  /** Bytes of a path or of a link target. */
  readonly pathBytes: number;
  /** Bytes of one component of a path. */
  readonly componentBytes: number;
  /** Components of a path. */
  readonly depth: number;
  /** Bytes of one pax header, GNU long name or GNU long link. */
  readonly extensionBytes: number;
  /** Records of one pax header. */
  readonly extensionRecords: number;
  /** Bytes that the map of a sparse file takes in the archive. */
  readonly sparseMapBytes: number;
  /** Bytes of all file contents together as a reader sees them, holes included. */
  readonly contentBytes: number;
}

/** The limits in force where none are given. */
export const defaultTarLimits: TarLimits = {
  entries: 2_000_000,
  pathBytes: 4096,
  componentBytes: 255,
  depth: 1024,
  extensionBytes: 2 ** 20,
  extensionRecords: 2 ** 16,
  sparseMapBytes: 2 ** 20,
  contentBytes: 32 * 2 ** 30,
};
