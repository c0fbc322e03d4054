/**
 * Everything about the registry client that a user can set. Values only: environment variables, home
 * directories and flags are read elsewhere and arrive here.
 */

import type { ProxySettings } from './http/proxy.ts';
import type { StallLimits } from './http/stall.ts';
import type { RegistriesConfig } from './mirrors/types.ts';

/** How failed requests are repeated. */
export interface RetrySettings {
  /** Attempts in a row without progress, the first included. */
  readonly attempts: number;
  /** The first pause; doubles with each further attempt. The real pause is random between 0 and that. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** The longest wait that a server may impose with Retry-After; a longer one ends the operation. */
  readonly maxRetryAfterMs: number;
  /** How long a registry that has answered before may be gone altogether. */
  readonly outageMs: number;
}

/** Time limits in milliseconds. */
export interface TimeoutSettings {
  readonly connectMs: number;
  /** From the end of a request to the first byte of its answer. */
  readonly responseMs: number;
  /** The same after an upload, which a registry may first have to store. */
  readonly commitMs: number;
  readonly stall: StallLimits;
  /** One operation, such as a blob's download, all retries included. */
  readonly totalMs: number;
  /** Cleaning up on the registry after an abort. */
  readonly cleanupMs: number;
}

/** Size and count limits. */
export interface LimitSettings {
  readonly redirects: number;
  readonly tokenBytes: number;
  readonly errorTextBytes: number;
  /** Blobs moved at once per registry and direction. */
  readonly blobsPerHost: number;
  /** Small requests (manifests, tags) at once per registry. */
  readonly requestsPerHost: number;
  /** Pages of a tag or referrers list. */
  readonly pages: number;
}

/** All settings of a registry client. */
export interface RegistrySettings {
  /** Hosts (`host` or `host:port`) for which plain HTTP and unverified certificates are acceptable. */
  readonly insecure: readonly string[];
  /** PEM files with certificate authorities that are trusted besides the system's. */
  readonly caFiles: readonly string[];
  /** Directories of the `certs.d` kind, most important first. */
  readonly certificateDirectories: readonly string[];
  readonly proxy: ProxySettings;
  /** Mirrors, blocked and rewritten registries; see `loadRegistriesConfig`. */
  readonly registries: RegistriesConfig;
  /** Further hosts that may be given the credentials of a registry as its token server: registry to hosts. */
  readonly realmHosts: Readonly<Record<string, readonly string[]>>;
  /** Whether foreign layers may be fetched from the URLs in their descriptors. */
  readonly foreignLayerUrls: boolean;
  readonly retry: RetrySettings;
  readonly timeouts: TimeoutSettings;
  readonly limits: LimitSettings;
  readonly userAgent: string;
  /**
   * Whether the process is there for this work alone and ends with it. Then bodies come in memory that threads share, which some APIs
   * of the web refuse, and V8 does not optimize undici's parser, for which flags of the process change until the first answer.
   */
  readonly ownProcess: boolean;
}

/** The settings that hold where nothing else is said (security reference 0.3 and 3.2). */
export const defaultRegistrySettings: RegistrySettings = {
  insecure: [],
  caFiles: [],
  certificateDirectories: [],
  proxy: {},
  registries: { rules: [], aliases: {}, searchRegistries: [] },
  realmHosts: {},
  foreignLayerUrls: true,
  retry: {
    attempts: 5,
    baseMs: 500,
    maxMs: 30_000,
    maxRetryAfterMs: 60_000,
    outageMs: 120_000,
  },
  timeouts: {
    connectMs: 10_000,
    responseMs: 60_000,
    commitMs: 300_000,
    stall: { idleMs: 30_000, windowMs: 30_000, minBytesPerSecond: 1024 },
    totalMs: 60 * 60_000,
    cleanupMs: 1000,
  },
  limits: {
    redirects: 5,
    tokenBytes: 1024 * 1024,
    errorTextBytes: 2048,
    blobsPerHost: 4,
    requestsPerHost: 4,
    pages: 1000,
  },
  userAgent: 's2oci',
  ownProcess: false,
};
