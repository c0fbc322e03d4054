/**
 * Puts one request on the wire through the transport, with our time limits, and turns network errors
 * into failures. One hop: no authorization, no redirect.
 */

import { Readable } from 'node:stream';
import { sizeMismatch } from '../../blob/index.ts';
import type { Context } from '../context.ts';
import type { RequestKind } from '../counters.ts';
import { RequestFailure } from '../http/failure.ts';
import { failureOf } from '../http/network-error.ts';
import { StallTimer } from '../http/stall.ts';
import type { HttpRequest, HttpResponse, StreamBody } from '../http/types.ts';

/** One request before its time limits are attached. */
export interface Hop extends Omit<HttpRequest, 'signal' | 'body'> {
  readonly kind: RequestKind;
  readonly body?: Uint8Array | StreamBody;
  /** Told how many bytes of the body have left so far. */
  readonly onSent?: (bytes: number) => void;
}

/** Sends one request; rejects with a RequestFailure or the reason of the signal. */
export async function sendHop(
  context: Context,
  hop: Hop,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const { timeouts } = context.settings;
  const controller = new AbortController();
  const { method, url } = hop;
  const fail = (why: string): void =>
    controller.abort(new RequestFailure('stalled', why, { method, url }));
  const answerIn = hop.body === undefined ? timeouts.responseMs : timeouts.commitMs;
  let timer: NodeJS.Timeout | undefined;
  const awaitAnswer = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => fail(`no answer for ${answerIn / 1000} s`), answerIn);
  };
  const combined = AbortSignal.any([signal, controller.signal]);
  const { kind, body: content, onSent, ...rest } = hop;
  const request = { ...rest, signal: combined };
  context.counters.request(kind);
  try {
    if (!isStreamBody(content)) {
      awaitAnswer();
      return await context.transport(
        content === undefined ? request : { ...request, body: content },
      );
    }
    const stall = new StallTimer(timeouts.stall, fail);
    const source = await content.open(combined);
    const body = Readable.from(
      watchSending(source, { stall, onSent, onEnd: awaitAnswer, length: content.length }),
      // As objects, chunks stay as they are; one waits while another is sent.
      { objectMode: true, highWaterMark: 1 },
    );
    try {
      return await context.transport({ ...request, body });
    } finally {
      stall.stop();
      body.destroy();
    }
  } catch (error) {
    throw failureOf(error, request);
  } finally {
    clearTimeout(timer);
  }
}

function isStreamBody(body: Uint8Array | StreamBody | undefined): body is StreamBody {
  return body !== undefined && !(body instanceof Uint8Array);
}

interface SendingWatch {
  readonly stall: StallTimer;
  readonly onSent: ((bytes: number) => void) | undefined;
  readonly onEnd: () => void;
  readonly length: number;
}

/** Passes a body on; the time until the next piece is asked for is the other side's. */
async function* watchSending(source: Readable, watch: SendingWatch): AsyncGenerator<Buffer> {
  let sent = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    watch.stall.wait();
    yield chunk;
    watch.stall.move(chunk.length);
    sent += chunk.length;
    watch.onSent?.(sent);
  }
  if (sent !== watch.length) throw sizeMismatch('the blob to be sent', watch.length, sent);
  watch.stall.stop();
  watch.onEnd();
}
