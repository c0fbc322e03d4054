/** How engines of zlib and zstd hand out what they make. */

/**
 * Options of streams, which the types of the engines do not know. The engine works on while up to four chunks wait
 * to be read; as objects, because waiting bytes would be copied together.
 */
export const engineOptions = {
  chunkSize: 2 ** 18,
  readableObjectMode: true,
  readableHighWaterMark: 4,
};
