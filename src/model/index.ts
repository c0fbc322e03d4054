/** Pure values of the OCI and S2I worlds: parse, format, validate; no input or output. */
export * from './byte-string.ts';
export * from './descriptor.ts';
export * from './digest.ts';
export * from './image-config.ts';
export * from './json.ts';
export * from './manifest.ts';
export * from './media-type.ts';
export * from './platform.ts';
export * from './reference.ts';
export { crc32OfZeros, isZeros } from './zeros.ts';
