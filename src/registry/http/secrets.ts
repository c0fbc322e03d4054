/**
 * The secrets that were sent, so that none of them is shown when a server echoes it.
 */

/** Collects secrets and removes them from text. */
export class Secrets {
  readonly #values = new Set<string>();

  /** Notes a value that must not be shown. Very short values are left out: they would garble all text. */
  add(...values: readonly string[]): void {
    for (const value of values) {
      if (value.length < 4) continue;
      this.#values.add(value);
      this.#values.add(encodeURIComponent(value));
      this.#values.add(Buffer.from(value).toString('base64'));
    }
  }

  /** Replaces all noted values in a text. */
  scrub(text: string): string {
    let clean = text;
    for (const value of this.#values) clean = clean.replaceAll(value, '***');
    return clean;
  }
}
