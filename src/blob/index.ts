/** Moving content: sources, sinks, verified streams, codecs. */
export type { CompressOptions } from './codec/compress.ts';
export { compress } from './codec/compress.ts';
export type { DecompressionLimits } from './codec/decompress.ts';
export { decompress, defaultDecompressionLimits } from './codec/decompress.ts';
export { type ContentWriter, writeHere } from './content-writer.ts';
export { copyBlob } from './copy.ts';
export { type FileChunkOptions, readFileChunks } from './file-chunks.ts';
export { bytesSource, readAll, streamOf } from './memory.ts';
export type { BlobSink, BlobSource, OpenBlob, PutOptions, PutOutcome } from './ports.ts';
export { endChunk, endedWhenTaken, lendChunk, lentSize, markSingleReader } from './spent.ts';
export { abortable, countBytes, DigestTap, digestStream } from './taps.ts';
export type { Expected } from './verify.ts';
export { digestMismatch, sizeMismatch, takeUnverified, verifyStream } from './verify.ts';
export { WriteThreads } from './write-threads.ts';
