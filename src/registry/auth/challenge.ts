/**
 * `WWW-Authenticate` challenges (RFC 9110, 11.3), read leniently: several headers, several challenges in
 * one header, any case and order, quoted commas and escapes, single quotes.
 */

/** One challenge. Parameter names are lower-case. */
export interface Challenge {
  /** Lower-case, such as `bearer`. */
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** The most characters of one header that are looked at. */
const maxLength = 8192;

/** Returns all challenges in the order in which they are given. */
export function parseChallenges(values: readonly string[] | undefined): readonly Challenge[] {
  return (values ?? []).flatMap((value) => new ChallengeParser(value.slice(0, maxLength)).parse());
}

class ChallengeParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): readonly Challenge[] {
    const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
    for (;;) {
      this.#take(/[\s,]*/y);
      const token = this.#take(/[^\s,="']+/y);
      if (token === '') {
        if (this.#at >= this.#text.length) return challenges;
        this.#at += 1;
        continue;
      }
      const value = this.#parameterValue();
      const current = challenges.at(-1);
      if (value === undefined)
        challenges.push({ scheme: token.toLowerCase(), parameters: new Map() });
      else if (current?.parameters.has(token.toLowerCase()) === false) {
        current.parameters.set(token.toLowerCase(), value);
      }
    }
  }

  /** Reads `= value`; undefined when there is no `=`, so that what came before is a scheme. */
  #parameterValue(): string | undefined {
    const equals = this.#take(/\s*=[\s=]*/y);
    if (equals === '') return undefined;
    const quote = this.#text[this.#at];
    if (quote === '"' || quote === "'") return this.#quoted(quote);
    return this.#take(/[^\s,]*/y);
  }

  #quoted(quote: string): string {
    let value = '';
    for (this.#at += 1; this.#at < this.#text.length; this.#at += 1) {
      const character = this.#text[this.#at] as string;
      if (character === quote) {
        this.#at += 1;
        break;
      }
      if (character === '\\' && this.#at + 1 < this.#text.length) this.#at += 1;
      value += this.#text[this.#at];
    }
    return value;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const taken = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += taken.length;
    return taken;
  }
}
