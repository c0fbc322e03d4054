/** The one verb for moving content. */

import type { Descriptor } from '../model/index.ts';
import type { BlobSink, BlobSource, PutOptions, PutOutcome } from './ports.ts';

/**
 * Makes a blob of `source` present in `sink`. The source is opened only if the sink needs the bytes, and
 * again for each retry of the sink.
 *
 * @throws BuildError of either side; see {@link BlobSource} and {@link BlobSink}
 */
export function copyBlob(
  source: BlobSource,
  sink: BlobSink,
  descriptor: Descriptor,
  options: PutOptions = {},
): Promise<PutOutcome> {
  return sink.put(
    descriptor,
    (signal) => source.open(descriptor, signal ?? options.signal),
    options,
  );
}
