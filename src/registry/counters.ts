/**
 * What a registry client has moved and asked for, for the result of a build and for tests.
 */

/** The kinds of request of the distribution protocol. */
export const requestKinds = [
  'ping',
  'token',
  'manifest-head',
  'manifest-get',
  'manifest-put',
  'manifest-delete',
  'blob-head',
  'blob-get',
  'blob-delete',
  'upload-start',
  'upload-patch',
  'upload-put',
  'upload-status',
  'upload-cancel',
  'tags',
  'referrers',
] as const;

/** One kind of request. */
export type RequestKind = (typeof requestKinds)[number];

/** Totals since the client was made. Bytes are those of blobs; repeated bytes count again. */
export interface Totals {
  /** Received in blob bodies. */
  readonly pulled: number;
  /** Sent in blob bodies. */
  readonly pushed: number;
  /** In blobs that another repository of the registry lent. */
  readonly mounted: number;
  /** In blobs that were at the destination already. */
  readonly skipped: number;
  /** Requests put on the wire, by kind. */
  readonly requests: Readonly<Partial<Record<RequestKind, number>>>;
  /** Attempts that failed and were made again. */
  readonly retries: number;
}

/** Counts. */
export class Counters {
  #pulled = 0;
  #pushed = 0;
  #mounted = 0;
  #skipped = 0;
  #retries = 0;
  readonly #requests = new Map<RequestKind, number>();

  /** Adds bytes of blobs. */
  add(kind: 'pulled' | 'pushed' | 'mounted' | 'skipped', bytes: number): void {
    if (kind === 'pulled') this.#pulled += bytes;
    else if (kind === 'pushed') this.#pushed += bytes;
    else if (kind === 'mounted') this.#mounted += bytes;
    else this.#skipped += bytes;
  }

  /** Counts a request. */
  request(kind: RequestKind): void {
    this.#requests.set(kind, (this.#requests.get(kind) ?? 0) + 1);
  }

  /** Counts an attempt that is made again. */
  retry(): void {
    this.#retries += 1;
  }

  /** Returns the totals so far. */
  get totals(): Totals {
    return {
      pulled: this.#pulled,
      pushed: this.#pushed,
      mounted: this.#mounted,
      skipped: this.#skipped,
      retries: this.#retries,
      requests: Object.fromEntries(this.#requests),
    };
  }
}
