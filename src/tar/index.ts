/** A strict tar codec: what Go's archive/tar reads, or a refusal; what it writes is canonical. */

export { encodeEntry, endOfArchive, paddingOf } from './encode.ts';
export { defaultTarLimits, type TarLimits } from './limits.ts';
export { rootedPath, strictPath } from './path.ts';
export { TarReader, type TarReaderOptions } from './reader.ts';
export { readTar } from './stream.ts';
export type { TarEntry, TarEntryType, TarHandler } from './types.ts';
export { type TarBody, TarWriter } from './writer.ts';
