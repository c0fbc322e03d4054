/**
 * The ports through which content moves. Whoever opens a stream owns it until it hands it on; whoever
 * receives one consumes it to its end or destroys it.
 */

import type { Readable } from 'node:stream';
import type { Descriptor } from '../model/index.ts';

/** A place blobs are read from. */
export interface BlobSource {
  /**
   * Opens a blob. The stream fails with `SIZE_MISMATCH` or `DIGEST_MISMATCH` before its end unless the
   * content is exactly what the descriptor says.
   *
   * @throws BuildError `BLOB_NOT_FOUND` and the errors of the transport
   */
  open(descriptor: Descriptor, signal?: AbortSignal): Promise<Readable>;
}

/** Opens the same bytes again each time it is called, so that a transfer can be retried. */
export type OpenBlob = (signal?: AbortSignal) => Promise<Readable>;

/** How a blob came to be at its destination. */
export type PutOutcome = 'present' | 'mounted' | 'uploaded';

/** What a sink may use to avoid moving bytes, and whom to tell about those it moves. */
export interface PutOptions {
  readonly signal?: AbortSignal;
  /** A repository of the same registry in which the blob is known to be. */
  readonly mountFrom?: string;
  /** Called with the count of bytes sent so far; starts again from 0 when an upload is restarted. */
  readonly onProgress?: (bytes: number) => void;
}

/** A place blobs are written to. */
export interface BlobSink {
  /** Makes the blob present, moving as few bytes as possible. Idempotent. */
  put(descriptor: Descriptor, open: OpenBlob, options?: PutOptions): Promise<PutOutcome>;
}
