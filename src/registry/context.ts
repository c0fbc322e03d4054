/**
 * The ports and settings that everything in the registry client shares.
 */

import type { Reporter } from '../events/index.ts';
import type { Counters } from './counters.ts';
import type { CredentialProvider } from './credentials/types.ts';
import type { AddressKind } from './http/address.ts';
import type { Secrets } from './http/secrets.ts';
import type { Transport } from './http/types.ts';
import type { RegistrySettings } from './settings.ts';

/** Time as a port. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Waits; rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Shared by all hosts of one client. */
export interface Context {
  readonly transport: Transport;
  readonly settings: RegistrySettings;
  readonly credentials: CredentialProvider;
  readonly reporter: Reporter;
  readonly clock: Clock;
  /** Random numbers from 0 to below 1. */
  readonly random: () => number;
  readonly counters: Counters;
  /** What must not be shown even when a server echoes it. */
  readonly secrets: Secrets;
  /** Resolves a name to the kinds of its addresses; none when it cannot be resolved. */
  readonly resolveHost: (hostname: string) => Promise<readonly AddressKind[]>;
}
