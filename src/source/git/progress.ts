/** Turns the progress that git writes for terminals into events. */

import { report, type SourceDeps } from '../deps.ts';

/** Reads pieces of git's standard error. */
export class FetchProgress {
  readonly #deps: SourceDeps;
  #partial = '';

  constructor(deps: SourceDeps) {
    this.#deps = deps;
  }

  /** Takes the next piece; lines end in CR or LF. */
  read(text: string): void {
    const lines = (this.#partial + text).split(/[\r\n]/);
    this.#partial = (lines.pop() ?? '').slice(-4096);
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    const receiving = /^Receiving objects: +\d+% \((\d+)\/(\d+)\)/.exec(line);
    if (receiving !== null) {
      this.#deps.reporter.emit({
        type: 'progress',
        phase: 'source',
        id: 'git',
        label: 'git objects',
        current: Number(receiving[1]),
        total: Number(receiving[2]),
        unit: 'items',
        time: this.#deps.now(),
      });
    } else if (line.startsWith('warning: ')) report(this.#deps, 'debug', `git: ${line}`);
  }
}
