/** A small terminal for tests: it shows what a person would see after all that was written to it. */

/** Interprets the control sequences that the live renderer uses; any other makes it throw. */
export class Screen {
  columns: number;
  readonly rows: number;
  readonly isTTY = true;
  cursorVisible = true;
  wraps = true;
  readonly #lines: string[] = [''];
  #row = 0;
  #column = 0;

  constructor(columns = 80, rows = 24) {
    this.columns = columns;
    this.rows = rows;
  }

  /** Everything that is or was on the screen, without trailing blanks. */
  get text(): string {
    return this.#lines
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd();
  }

  /** Writes as a terminal would take it. */
  write(text: string): void {
    for (const [token] of text.matchAll(/\u001b\[[?0-9;]*[A-Za-z]|[\s\S]/gu)) this.#take(token);
  }

  #take(token: string): void {
    if (token === '\n') this.#newLine();
    else if (token === '\r') this.#column = 0;
    else if (token.length > 1 && token.startsWith('\u001b')) this.#control(token.slice(2));
    else if (token < ' ' && token !== '\t')
      throw new Error(`control character ${JSON.stringify(token)}`);
    else this.#print(token);
  }

  #newLine(): void {
    this.#row += 1;
    this.#column = 0;
    if (this.#row === this.#lines.length) this.#lines.push('');
  }

  #control(sequence: string): void {
    const count = Number.parseInt(sequence, 10) || 1;
    if (sequence.endsWith('A')) this.#row = Math.max(this.#top, this.#row - count);
    else if (sequence === 'J') this.#eraseBelow();
    else if (sequence === '?25l' || sequence === '?25h') this.cursorVisible = sequence === '?25h';
    else if (sequence === '?7l' || sequence === '?7h') this.wraps = sequence === '?7h';
    else if (!sequence.endsWith('m')) throw new Error(`unexpected sequence ${sequence}`);
  }

  /** The cursor cannot leave the window: what has scrolled out of it is out of reach. */
  get #top(): number {
    return Math.max(0, this.#lines.length - this.rows);
  }

  #eraseBelow(): void {
    this.#lines.length = this.#row + 1;
    this.#lines[this.#row] = (this.#lines[this.#row] ?? '').slice(0, this.#column);
  }

  #print(character: string): void {
    if (this.#column >= this.columns) {
      if (!this.wraps) return;
      this.#newLine();
    }
    const line = (this.#lines[this.#row] ?? '').padEnd(this.#column);
    this.#lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1);
    this.#column += 1;
  }
}
