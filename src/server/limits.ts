/** The limits of the embedded registry. */

import { maxManifestSize } from '../model/index.ts';

/** Limits on what clients may ask for; times are milliseconds, sizes bytes. */
export interface RegistryLimits {
  /** The largest manifest that is accepted. */
  readonly manifestSize: number;
  /** How long a client may take to send the headers of a request. */
  readonly headersTimeout: number;
  /** How long a connection may be silent in the middle of a request or reply. */
  readonly idleTimeout: number;
  /** How long a client may take to send a whole request. */
  readonly requestTimeout: number;
  /** How many connections may be open at once; further ones are dropped. */
  readonly connections: number;
  /** How long an upload session is kept after the last byte of it. */
  readonly uploadExpiry: number;
}

/** The limits that hold unless others are given. */
export const defaultLimits: RegistryLimits = {
  manifestSize: maxManifestSize,
  headersTimeout: 20_000,
  idleTimeout: 60_000,
  requestTimeout: 6 * 3_600_000,
  connections: 1024,
  uploadExpiry: 24 * 3_600_000,
};
