/**
 * One request through a dispatcher of undici, and the body of its answer as undici gives it: piece by piece. The body
 * of undici's own `request` joins pieces that wait into new ones, which copies a tenth of a large download.
 */

import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';

/** What undici read of an answer. */
export interface Dispatched {
  readonly status: number;
  /** Names are lower-case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** A stream of objects, so that pieces stay as they are. */
  readonly body: Readable;
}

/** Sends a request; settles with the head of the answer. The signal's reason ends it, and the reading of the body. */
export function dispatch(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  signal: AbortSignal,
): Promise<Dispatched> {
  const { promise, resolve, reject } = Promise.withResolvers<Dispatched>();
  let controller: Dispatcher.DispatchController | undefined;
  let body: ResponseBody | undefined;
  const abort = () => {
    controller?.abort(signal.reason);
    fail(signal.reason);
  };
  const settle = () => signal.removeEventListener('abort', abort);
  const fail = (error: Error) => {
    settle();
    reject(error);
    body?.destroy(error);
  };
  signal.addEventListener('abort', abort, { once: true });
  dispatcher.dispatch(options, {
    onRequestStart: (own) => {
      controller = own;
      if (signal.aborted) own.abort(signal.reason);
    },
    onResponseStart: (own, status, headers) => {
      if (status < 200) return;
      body = new ResponseBody(own);
      body.once('close', settle);
      resolve({ status, headers, body });
    },
    onResponseData: (own, piece) => {
      // After a pause there is an empty one.
      if (piece.length > 0 && body?.push(piece) === false) own.pause();
    },
    onResponseEnd: () => body?.end(),
    onResponseError: (_, error) => fail(error),
  });
  return promise;
}

class ResponseBody extends Readable {
  readonly #controller: Dispatcher.DispatchController;
  #hasEnded = false;

  constructor(controller: Dispatcher.DispatchController) {
    super({ objectMode: true, highWaterMark: 1 });
    this.#controller = controller;
    // An answer that breaks while nobody reads it is told to whoever begins to.
    this.on('error', () => {});
  }

  /** Nothing comes after this. */
  end(): void {
    this.#hasEnded = true;
    this.push(null);
  }

  override _read(): void {
    this.#controller.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#hasEnded) this.#controller.abort(error ?? new Error('nobody reads the answer'));
    done(error);
  }
}
