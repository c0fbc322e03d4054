/**
 * The closed list of error codes and the process exit code of each.
 *
 * The code says what went wrong precisely enough for a program to act on; the exit code groups codes
 * by who has to act. Both are stable: scripts depend on them.
 */

const table = {
  // 1: a bug of ours
  INTERNAL: 1,

  // 2: usage or configuration
  USAGE_INVALID: 2,
  CONFIG_INVALID: 2,
  REFERENCE_INVALID: 2,
  STORE_FORMAT_UNSUPPORTED: 2,
  NODE_UNSUPPORTED: 2,

  // 3: untrusted input rejected
  DIGEST_INVALID: 3,
  DIGEST_MISMATCH: 3,
  SIZE_MISMATCH: 3,
  DIFF_ID_MISMATCH: 3,
  DESCRIPTOR_INVALID: 3,
  MANIFEST_INVALID: 3,
  IMAGE_CONFIG_INVALID: 3,
  MEDIA_TYPE_UNSUPPORTED: 3,
  COMPRESSION_INVALID: 3,
  TAR_INVALID: 3,
  PATH_UNSAFE: 3,
  LAYER_INVALID: 3,
  LIMIT_EXCEEDED: 3,
  DOCKERFILE_INVALID: 3,

  // 4: source fetch
  SOURCE_INVALID: 4,
  SOURCE_NOT_FOUND: 4,
  SOURCE_FETCH_FAILED: 4,

  // 5: registry or network, retries exhausted
  REGISTRY_UNAVAILABLE: 5,
  REGISTRY_REFUSED: 5,
  REGISTRY_PROTOCOL: 5,
  REGISTRY_RATE_LIMITED: 5,

  // 6: authentication or authorisation
  REGISTRY_UNAUTHORIZED: 6,
  REGISTRY_DENIED: 6,
  CREDENTIALS_INVALID: 6,
  TLS_UNTRUSTED: 6,

  // 7: not found
  IMAGE_NOT_FOUND: 7,
  BLOB_NOT_FOUND: 7,
  PLATFORM_NOT_FOUND: 7,

  // 8: the builder image breaks the S2I contract
  BUILDER_INVALID: 8,
  SCRIPT_NOT_FOUND: 8,
  SCRIPT_UNUSABLE: 8,
  USER_NOT_ALLOWED: 8,

  // 9: a script of the build failed
  ASSEMBLE_FAILED: 9,
  SAVE_ARTIFACTS_FAILED: 9,
  RUN_FAILED: 9,
  USAGE_FAILED: 9,
  STEP_FAILED: 9,

  // 10: sandbox or runtime unusable
  RUNTIME_UNAVAILABLE: 10,
  RUNTIME_FAILED: 10,
  NAMESPACE_DENIED: 10,
  ISOLATION_INSUFFICIENT: 10,

  // 11: a limit set on the build was reached
  TIME_LIMIT: 11,
  RESOURCE_LIMIT: 11,

  // 12: local input/output
  NO_SPACE: 12,
  PERMISSION_DENIED: 12,
  IO_FAILED: 12,

  // 13 to 15
  STORE_DAMAGED: 13,
  LOCK_TIMEOUT: 14,
  POLICY_VIOLATION: 15,
  SECRET_IN_IMAGE: 15,

  // signals: 128 + number
  INTERRUPTED: 130,
  TERMINATED: 143,
} as const;

/** A machine-readable reason; stable across releases. */
export type ErrorCode = keyof typeof table;

/** Returns the process exit code that belongs to an error code (see README, "Exit codes"). */
export function exitCodeOf(code: ErrorCode): number {
  return table[code];
}

/** Lists every error code, in exit-code order. */
export const errorCodes = Object.keys(table) as readonly ErrorCode[];
