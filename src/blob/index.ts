/** Moving content: sources, sinks, verified streams, codecs. */
export type { BlobSink, BlobSource, OpenBlob, PutOptions, PutOutcome } from './ports.ts';
