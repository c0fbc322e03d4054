/** Joins what chunks cut apart: headers and the like, which are parsed as a whole. File contents never pass through. */

/** Collects one run of bytes of known length after another; used only where a chunk ends within a run. */
export class UnitBuffer {
  #bytes: Buffer = Buffer.alloc(0);
  #filled = 0;

  /** How many bytes of a run have been collected. */
  get length(): number {
    return this.#filled;
  }

  /** Takes up to `wanted` bytes from `buffer` at `at`; returns the run when it is whole. */
  fill(buffer: Buffer, at: number, wanted: number): Buffer | undefined {
    if (this.#filled === 0 && this.#bytes.length < wanted) this.#bytes = Buffer.allocUnsafe(wanted);
    this.#filled += buffer.copy(this.#bytes, this.#filled, at, at + wanted - this.#filled);
    if (this.#filled < wanted) return undefined;
    this.#filled = 0;
    return this.#bytes.subarray(0, wanted);
  }
}
