/** Moving content: sources, sinks, verified streams, codecs. */
export type { CompressOptions } from './codec/compress.ts';
export { compress } from './codec/compress.ts';
export type { DecompressionLimits } from './codec/decompress.ts';
export { decompress, defaultDecompressionLimits } from './codec/decompress.ts';
export { copyBlob } from './copy.ts';
export type { ContentHash } from './hash-threads.ts';
export { HashThreads, hashHere } from './hash-threads.ts';
export { bytesSource, readAll, streamOf } from './memory.ts';
export type { BlobSink, BlobSource, OpenBlob, PutOptions, PutOutcome } from './ports.ts';
export { endChunk, markSingleReader } from './spent.ts';
export { abortable, countBytes, DigestTap, digestStream } from './taps.ts';
export type { Expected } from './verify.ts';
export { digestMismatch, sizeMismatch, takeUnverified, verifyStream } from './verify.ts';
