/** Asking the person at the terminal. Questions go to standard error, a secret is not echoed. */

import { on } from 'node:events';
import { text } from 'node:stream/consumers';
import { ReadStream } from 'node:tty';
import { BuildError } from '../errors/index.ts';
import type { CommandIo } from './command.ts';

/** How a question is asked. */
export interface Question {
  /** Shown as it is, such as `Password: `. */
  readonly prompt: string;
  readonly secret: boolean;
  /** What to do where there is no terminal to ask at. */
  readonly suggestion: string;
}

/**
 * Asks and returns the line that was typed, without its end.
 *
 * @throws BuildError `USAGE_INVALID` without a terminal or at the end of input, `INTERRUPTED`
 */
export async function ask(io: CommandIo, question: Question): Promise<string> {
  const { prompt, secret, suggestion } = question;
  const { stdin, stderr, signal } = io;
  if (!(stdin instanceof ReadStream)) {
    throw new BuildError('USAGE_INVALID', 'standard input is no terminal to ask at', {
      suggestion,
    });
  }
  if (secret) stdin.setRawMode(true);
  stderr.write(prompt);
  try {
    const line = new TypedLine();
    const chunks = on(stdin, 'data', { signal, close: ['end'] });
    // A stream that was paused after an earlier question does not flow by itself.
    stdin.resume();
    for await (const [chunk] of chunks) {
      if (line.type(String(chunk))) return line.text;
    }
    throw new BuildError('USAGE_INVALID', 'the input ended before an answer', { suggestion });
  } finally {
    if (secret) {
      stdin.setRawMode(false);
      stderr.write('\n');
    }
    stdin.pause();
  }
}

const maxSecret = 64 * 1024;

/**
 * Reads a secret that is piped in: all of standard input but the end of its last line.
 *
 * @throws BuildError `USAGE_INVALID` when it is empty or more than 64 KiB
 */
export async function readSecret({ stdin }: CommandIo): Promise<string> {
  const secret = (await text(stdin)).replace(/\r?\n$/, '');
  if (secret !== '' && secret.length <= maxSecret) return secret;
  const why = secret === '' ? 'nothing' : `more than ${maxSecret} characters`;
  throw new BuildError('USAGE_INVALID', `standard input held ${why} instead of a password`);
}

/** A line as it is typed at a terminal that may have left its editing to us. */
class TypedLine {
  readonly #characters: string[] = [];

  get text(): string {
    return this.#characters.join('');
  }

  /** Takes what was typed; returns whether the line is complete. */
  type(typed: string): boolean {
    for (const character of typed) {
      if (character === '\r' || character === '\n') return true;
      if (character === '\u0003') throw new BuildError('INTERRUPTED', 'stopped at the prompt');
      if (character === '\u0004') return true;
      if (character === '\u007f' || character === '\b') this.#characters.pop();
      else this.#characters.push(character);
    }
    return false;
  }
}
