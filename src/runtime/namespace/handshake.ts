/** The conversation between a client and the shell that launches a command in new namespaces. */

import type { ChildProcess } from 'node:child_process';
import { Duplex, type Readable } from 'node:stream';
import { errnoIn } from '../machine/errno.ts';
import { type Collected, collect, killGroup, settleWithin } from '../machine/helper.ts';

/** Why a method did not work. */
export interface LaunchFailure {
  readonly reason: string;
  readonly errno?: string;
  /** Everything worked but a fresh /proc. */
  readonly procRefused?: boolean;
}

/** How long the last words of a failed launch may take. */
const drainTime = 100;

/** The client's side; the shell's is the script in launch.ts. */
export class Handshake {
  readonly #child: ChildProcess;
  readonly #messages: Collected;
  readonly #lines: AsyncIterator<string>;
  readonly #stop: AbortSignal;
  readonly #ended: Promise<string>;

  constructor(child: ChildProcess, timeoutMilliseconds: number, signal: AbortSignal | undefined) {
    this.#child = child;
    this.#messages = collect(child.stderr as Readable);
    this.#lines = linesOf(this.#gate());
    const limit = AbortSignal.timeout(timeoutMilliseconds);
    this.#stop = signal === undefined ? limit : AbortSignal.any([limit, signal]);
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#ended = promise;
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, name) => resolve(`it ended with ${name ?? `exit code ${code}`}`));
  }

  /** Goes on to the point where the command is executed; on failure everything is ended. */
  async complete(writeMap: () => Promise<string | undefined>): Promise<LaunchFailure | undefined> {
    const stopChild = () => killGroup(this.#child);
    this.#stop.addEventListener('abort', stopChild, { once: true });
    try {
      const ready = await this.#next();
      if (ready !== 'ready') return await this.#fail(ready);
      const unmapped = await writeMap();
      if (unmapped !== undefined) return await this.#fail(unmapped);
      this.#gate().write('go\n');
      const last = await this.#next();
      if (last === 'done') return undefined;
      return { ...(await this.#fail(last)), procRefused: last === 'refused' };
    } finally {
      this.#stop.removeEventListener('abort', stopChild);
    }
  }

  #gate(): Duplex {
    const gate = this.#child.stdio[4];
    if (gate instanceof Duplex) return gate;
    throw new TypeError('descriptor 4 of the launch is no socket');
  }

  /** The next line of the shell, or how it ended. Its last line may arrive after its end is known. */
  async #next(): Promise<string> {
    if (this.#stop.aborted) return 'it took too long';
    const next = this.#lines.next().then((line) => (line.done === true ? undefined : line.value));
    const ended = this.#ended.then(() => settleWithin(drainTime, [{ done: next.then(() => {}) }]));
    return (await Promise.race([next, ended.then(() => undefined)])) ?? (await this.#ended);
  }

  async #fail(why: string): Promise<LaunchFailure> {
    killGroup(this.#child);
    await this.#ended;
    await settleWithin(drainTime, [this.#messages]);
    this.#child.stderr?.destroy();
    this.#gate().destroy();
    const said = errorsIn(this.#messages.text());
    const reason = this.#stop.aborted ? 'it took too long' : said === '' ? why : said;
    const errno = errnoIn(`${said} ${why}`);
    return { reason, ...(errno === undefined ? {} : { errno }) };
  }
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    rest += String(chunk);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

/** What tools said, in one line, without the warnings that podman logs. */
function errorsIn(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('time=')).join('; ');
}
