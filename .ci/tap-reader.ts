/**
 * Reads the TAP of the test runner as it comes and keeps what people want to know: each file's result, each
 * failure with its diagnostics, and how many tests there were.
 *
 * A test is an innermost `t.test` block, or a file without one. A block that fails although nothing in it
 * did (a crash, a timeout) is one failed test more.
 */

/** How many tests ended how. */
export interface TestCounts {
  passed: number;
  failed: number;
  skipped: number;
}

/** What readers of the output are told, as it happens. */
export interface TapListener {
  /** A test file has ended. */
  file(name: string, ok: boolean, milliseconds: number): void;
  /** A test failed; `path` leads from the file to the assertion. */
  failure(path: readonly string[], diagnostics: readonly string[]): void;
}

/** A block of tests whose end has not come yet. */
interface Block {
  readonly name: string;
  readonly depth: number;
  /** Innermost tests below. */
  tests: number;
  /** Failed assertions of the block itself. */
  ownFailures: number;
  /** Failed blocks below. */
  failedBlocks: number;
}

/** A result line. */
interface Point {
  readonly depth: number;
  readonly ok: boolean;
  readonly name: string;
  readonly directive: 'skip' | 'todo' | undefined;
  readonly milliseconds: number;
}

/** A failure whose diagnostics are being read: the lines behind `indent`. */
interface Failure {
  readonly path: readonly string[];
  readonly indent: string;
  readonly lines: string[];
}

/** Reads the TAP that the runner writes, line by line. */
export class TapReader {
  readonly counts: TestCounts = { passed: 0, failed: 0, skipped: 0 };
  readonly #listener: TapListener;
  readonly #blocks: Block[] = [];
  #failed: Failure | undefined;

  constructor(listener: TapListener) {
    this.#listener = listener;
  }

  /** Takes the next line, without its line end. */
  line(line: string): void {
    if (this.#failed !== undefined && line.startsWith(this.#failed.indent)) {
      this.#failed.lines.push(line.slice(this.#failed.indent.length));
      return;
    }
    this.#reportFailure();
    const depth = Math.floor(line.search(/\S|$/) / 4);
    const text = line.slice(depth * 4);
    const point = parsePoint(text, depth);
    const subtest = /^# Subtest: (.*)$/.exec(text)?.[1];
    if (subtest !== undefined) this.#open(subtest, depth);
    else if (point !== undefined) this.#point(point);
    else if (text.startsWith('Bail out!')) this.#failTest([text], depth);
  }

  /** Takes the end of the input; files still open have not ended well. */
  end(): void {
    this.#reportFailure();
    const open = this.#blocks.splice(0).filter(({ depth }) => depth === 0);
    for (const { name } of open) {
      this.#failTest([name, 'ended early'], 0);
      this.#reportFailure();
    }
  }

  #point(point: Point): void {
    const path = this.#path;
    // Of a file that was ended from outside, inner tests have begun and not ended.
    while ((this.#blocks.at(-1)?.depth ?? 0) > point.depth) this.#blocks.pop();
    const block = this.#blocks.at(-1);
    if (block?.depth === point.depth) this.#close(point, path);
    else if (point.directive !== undefined) this.#count('skipped');
    else if (!point.ok) this.#failAssertion(point);
  }

  #open(name: string, depth: number): void {
    this.#blocks.push({ name, depth, tests: 0, ownFailures: 0, failedBlocks: 0 });
  }

  /** The innermost block ends with its point; the path leads to the innermost one that had begun. */
  #close(point: Point, path: readonly string[]): void {
    const block = this.#blocks.pop();
    if (block === undefined) return;
    const { tests, ownFailures, failedBlocks } = block;
    const failed = !point.ok && point.directive === undefined;
    if (point.directive !== undefined) this.#count('skipped');
    else if (failed && ownFailures > 0) this.#count('failed');
    else if (failed && failedBlocks === 0) this.#failTest(path, point.depth);
    else if (!failed && tests === 0) this.#count('passed');
    const around = this.#blocks.at(-1);
    if (around !== undefined && failed) around.failedBlocks += 1;
    if (point.depth === 0) this.#listener.file(block.name, point.ok, point.milliseconds);
  }

  get #path(): readonly string[] {
    return this.#blocks.map(({ name }) => name);
  }

  #count(kind: keyof TestCounts): void {
    this.counts[kind] += 1;
    for (const block of this.#blocks) block.tests += 1;
  }

  /** An assertion is not a test: the block around it is. What follows are its diagnostics. */
  #failAssertion({ name, depth }: Point): void {
    const around = this.#blocks.at(-1);
    if (around === undefined) this.#count('failed');
    else around.ownFailures += 1;
    this.#collect([...this.#path, name], depth);
  }

  #failTest(path: readonly string[], depth: number): void {
    this.#count('failed');
    this.#collect(path, depth);
  }

  #collect(path: readonly string[], depth: number): void {
    this.#failed = { path, indent: ' '.repeat(depth * 4 + 2), lines: [] };
  }

  #reportFailure(): void {
    if (this.#failed === undefined) return;
    const { path, lines } = this.#failed;
    this.#failed = undefined;
    this.#listener.failure(path, lines);
  }
}

function parsePoint(text: string, depth: number): Point | undefined {
  const match = /^(not )?ok\b(?: \d+)?(?: -)? ?(.*)$/.exec(text);
  if (match === null) return undefined;
  const [, not, rest = ''] = match;
  const [name, comment] = splitComment(rest);
  const directive = /^(skip|todo)\b/i.exec(comment)?.[1]?.toLowerCase();
  return {
    depth,
    ok: not === undefined,
    name: name.trim(),
    directive: directive === 'skip' || directive === 'todo' ? directive : undefined,
    milliseconds: Number(/time=([\d.]+)ms/.exec(comment)?.[1] ?? 0),
  };
}

function splitComment(text: string): readonly [string, string] {
  const at = text.lastIndexOf(' # ');
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 3)];
}
