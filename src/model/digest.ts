/**
 * Content digests, `algorithm:encoded` (OCI image-spec, descriptor.md "Digests").
 *
 * Only algorithms that can be verified are accepted: a digest of an unknown algorithm is
 * grammatically fine but proves nothing.
 */

import { createHash, type Hash } from 'node:crypto';
import { BuildError } from '../errors/index.ts';

declare const digestBrand: unique symbol;

/** A validated digest such as `sha256:` followed by 64 lower-case hexadecimal characters. */
export type Digest = string & { readonly [digestBrand]: true };

/** Algorithms that can be verified here. */
export type DigestAlgorithm = 'sha256' | 'sha512';

const hexLength: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha512: 128 };

/**
 * Parses a digest.
 *
 * @throws BuildError `DIGEST_INVALID` for bad grammar, a wrong length or an algorithm that cannot be verified
 */
export function parseDigest(text: unknown): Digest {
  if (isDigest(text)) return text;
  throw new BuildError('DIGEST_INVALID', `not a digest: ${shown(text)}`, {
    suggestion:
      'a digest is sha256: followed by 64 lower-case hexadecimal characters, or sha512: by 128',
  });
}

/** Tells whether a value is a digest that can be verified. */
export function isDigest(value: unknown): value is Digest {
  if (typeof value !== 'string') return false;
  const colon = value.indexOf(':');
  const expected = hexLength[value.slice(0, colon) as DigestAlgorithm] as number | undefined;
  return (
    expected !== undefined &&
    value.length === colon + 1 + expected &&
    /^[0-9a-f]+$/.test(value.slice(colon + 1))
  );
}

/** Returns the algorithm part of a digest. */
export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(':')) as DigestAlgorithm;
}

/** Returns the encoded (hexadecimal) part of a digest. */
export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** Computes the digest of bytes that are already in memory. */
export function digestOf(
  bytes: Uint8Array | string,
  algorithm: DigestAlgorithm = 'sha256',
): Digest {
  return finishDigest(createHash(algorithm).update(bytes), algorithm);
}

/** Ends a running hash and returns its digest. The hash cannot be used afterwards. */
export function finishDigest(hash: Hash, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${hash.digest('hex')}` as Digest;
}

/**
 * Computes the chainID of a stack of layers, bottom first (OCI image-spec, config.md "Layer ChainID").
 *
 * @throws BuildError `IMAGE_CONFIG_INVALID` for an empty stack, which has no chainID
 */
export function chainIdOf(diffIds: readonly Digest[]): Digest {
  const [first, ...rest] = diffIds;
  if (first === undefined)
    throw new BuildError('IMAGE_CONFIG_INVALID', 'an image without layers has no chainID');
  return rest.reduce<Digest>((chain, diffId) => digestOf(`${chain} ${diffId}`), first);
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
}
