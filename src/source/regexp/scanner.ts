/** Reading position in a pattern's text. */

/** A pattern that breaks the syntax; the message completes "it ...". */
export class PatternSyntaxError extends Error {}

/** Walks over a text character by character (code points). */
export class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Whether nothing is left. */
  get done(): boolean {
    return this.#at >= this.#text.length;
  }

  /** Tells whether the text goes on with a string. */
  sees(expected: string): boolean {
    return this.#text.startsWith(expected, this.#at);
  }

  /** The next character, or the empty string at the end. */
  peek(): string {
    const codePoint = this.#text.codePointAt(this.#at);
    return codePoint === undefined ? '' : String.fromCodePoint(codePoint);
  }

  /** Takes the next character. Throws PatternSyntaxError at the end. */
  next(): string {
    const character = this.peek();
    if (character === '') throw new PatternSyntaxError('it ends too early');
    this.#at += character.length;
    return character;
  }

  /** Takes a string if the text goes on with it. */
  take(expected: string): boolean {
    if (!this.sees(expected)) return false;
    this.#at += expected.length;
    return true;
  }

  /** Takes what a sticky expression matches here. */
  takeMatch(sticky: RegExp): RegExpExecArray | undefined {
    sticky.lastIndex = this.#at;
    const match = sticky.exec(this.#text);
    if (match === null) return undefined;
    this.#at += match[0].length;
    return match;
  }
}
