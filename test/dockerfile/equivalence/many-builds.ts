/**
 * Many builds in one process of a user, with one agent: what a case costs is then its build, and not the start of a program.
 * Options mean what they mean on the command line.
 */

import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Workbench } from '../../e2e/support.ts';
import { spawnAs } from '../../support/as-user.ts';

/** What is built; the options of `s2oci builder build` by their names in code. */
export interface BuildCommand {
  readonly context: string;
  readonly options: Readonly<Record<string, string | readonly string[]>>;
}

/** How it went: the message of the failure, or none. */
export interface BuildEnd {
  readonly failure?: string;
}

/** What the process is sent, and what it answers. */
export type Question = BuildCommand & { readonly id: number };
export type Reply = BuildEnd & { readonly id: number };

/** A process that builds. Disposing ends it. */
export class ManyBuilds implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #waiting = new Map<number, PromiseWithResolvers<BuildEnd>>();
  #asked = 0;

  /** Starts the process as the user of a workbench, with the home of it. */
  constructor({ user, directory, home }: Workbench) {
    const program = join(import.meta.dirname, 'build-many.ts');
    this.#child = spawnAs(process.execPath, ['--no-warnings', program], {
      user,
      cwd: directory,
      env: { S2OCI_HOME: home },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', ({ id, ...end }: Reply) => this.#waiting.get(id)?.resolve(end));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    this.#child.once('error', resolve).once('exit', resolve);
    promise.then(() => {
      for (const { reject } of this.#waiting.values())
        reject(new Error('the process that builds has ended'));
    });
  }

  async build(command: BuildCommand): Promise<BuildEnd> {
    this.#asked += 1;
    const question: Question = { ...command, id: this.#asked };
    const answer = Promise.withResolvers<BuildEnd>();
    this.#waiting.set(question.id, answer);
    this.#child.send(question);
    try {
      return await answer.promise;
    } finally {
      this.#waiting.delete(question.id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }
}
