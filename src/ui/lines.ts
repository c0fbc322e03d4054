/**
 * Cuts the byte output of a script into lines of text with bounded memory.
 *
 * UTF-8 may be split anywhere between chunks. A carriage return overwrites the line as it does on a
 * terminal, so progress bars become their last state. What exceeds 64 KiB of one line is counted, not kept.
 */

/** The longest line that is kept, in characters. */
export const maxLineLength = 64 * 1024;

/** Collects chunks and hands out whole lines, without their line ends. */
export class LineSplitter {
  readonly #decoder = new TextDecoder('utf-8');
  #line = '';
  #overwritten = '';
  #dropped = 0;

  /** The text after the last line end: what a terminal would show as its current line. */
  get partial(): string {
    return this.#line === '' ? this.#overwritten : this.#line;
  }

  /** Takes a chunk; returns the lines that it completes. */
  push(chunk: Uint8Array): readonly string[] {
    return this.#take(this.#decoder.decode(chunk, { stream: true }));
  }

  /** Returns what is left when the output has ended. */
  end(): readonly string[] {
    const lines = this.#take(this.#decoder.decode());
    return this.partial === '' && this.#dropped === 0 ? lines : [...lines, this.#complete()];
  }

  #take(text: string): readonly string[] {
    const lines: string[] = [];
    const pieces = text.split('\n');
    for (const [index, piece] of pieces.entries()) {
      this.#append(piece);
      if (index < pieces.length - 1) lines.push(this.#complete());
    }
    return lines;
  }

  #append(piece: string): void {
    const [first = '', ...overwriting] = piece.split('\r');
    this.#extend(first);
    for (const segment of overwriting) {
      if (this.#line !== '') this.#overwritten = this.#line;
      this.#line = '';
      this.#dropped = 0;
      this.#extend(segment);
    }
  }

  #extend(text: string): void {
    const line = this.#line + text;
    this.#line = line.slice(0, maxLineLength);
    this.#dropped += line.length - this.#line.length;
  }

  #complete(): string {
    const note = this.#dropped === 0 ? '' : `… [${this.#dropped} more characters]`;
    const line = this.partial + note;
    this.#line = '';
    this.#overwritten = '';
    this.#dropped = 0;
    return line;
  }
}
