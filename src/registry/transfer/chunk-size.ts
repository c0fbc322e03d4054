/**
 * How large the pieces of an upload are, where a registry or a proxy in front of it refuses whole blobs.
 *
 * Known limits pull in different directions: proxies cut at about 100 MB or 1 MB, GHCR takes pieces of at
 * most 4 MiB, ECR wants at least 5 MB. So sizes are tried from large to small and kept per host.
 */

const mebibyte = 1024 * 1024;
const sizes = [64, 16, 5, 4, 1].map((size) => size * mebibyte);

/** The next smaller size; undefined when the registry's minimum or the end of the list is reached. */
export function smallerChunkSize(size: number, minimum: number): number | undefined {
  if (minimum > 0 && minimum < size && !sizes.some((next) => next < size && next >= minimum)) {
    return minimum;
  }
  return sizes.find((next) => next < size && next >= minimum);
}
