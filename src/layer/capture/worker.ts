/** Entry file of the thread that captures: it fills the buffers it is given with the bytes of the layer. */

import { parentPort, workerData } from 'node:worker_threads';
import { type FailureMessage, failureMessage } from '../thread-work.ts';
import { type CaptureWork, Capturing, type FilledPart } from './capturing.ts';

/** What the thread says to a buffer it is sent; nothing once the last one was filled. */
export type CaptureReport =
  | (FilledPart & { readonly kind: 'filled'; readonly buffer: ArrayBuffer })
  | FailureMessage;

function listen(port: NonNullable<typeof parentPort>): void {
  const work = workerData as CaptureWork;
  let capturing: Capturing | undefined;
  port.on('message', (buffer: ArrayBuffer) => {
    try {
      capturing ??= new Capturing(work);
      const part = capturing.fill(buffer);
      if (part !== undefined) port.postMessage({ kind: 'filled', buffer, ...part }, [buffer]);
      if (part?.isLast) capturing[Symbol.dispose]();
    } catch (thrown) {
      port.postMessage(failureMessage(thrown));
      port.close();
    }
  });
}

if (parentPort !== null) listen(parentPort);
