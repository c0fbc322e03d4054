/** Counts of what a registry did, for tests and for `registry serve` to show. */

/** A snapshot of the traffic since the start. Sizes are bytes of bodies, without headers. */
export interface RegistryStats {
  readonly requests: number;
  readonly received: number;
  readonly sent: number;
  /** Requests by method and endpoint, such as `PUT manifest`, `GET blob`, `POST uploads`, `PATCH session`. */
  readonly byEndpoint: Readonly<Record<string, number>>;
}

/** The running counts. */
export class Traffic {
  requests = 0;
  received = 0;
  sent = 0;
  readonly #byEndpoint = new Map<string, number>();

  /** Counts one request. */
  count(method: string, endpoint: string): void {
    const key = `${method} ${endpoint}`;
    this.requests += 1;
    this.#byEndpoint.set(key, (this.#byEndpoint.get(key) ?? 0) + 1);
  }

  /** Returns the counts as they are now. */
  snapshot(): RegistryStats {
    return {
      requests: this.requests,
      received: this.received,
      sent: this.sent,
      byEndpoint: Object.fromEntries(this.#byEndpoint),
    };
  }
}
