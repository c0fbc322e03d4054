/**
 * What the registry answers: replies as values, and refusals in the error format of the distribution-spec
 * ("Error Codes").
 */

import type { ReadStream } from 'node:fs';
import { displayText } from '../model/index.ts';

/** The error codes of the distribution-spec that this registry uses; UNKNOWN accompanies 5xx only. */
export type RefusalCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'UNAUTHORIZED'
  | 'UNKNOWN'
  | 'UNSUPPORTED';

/** Header fields by name. */
export type Headers = Readonly<Record<string, string>>;

/** One answer. A stream is consumed or destroyed by whoever sends the reply. */
export interface Reply {
  readonly status: number;
  readonly headers?: Headers;
  readonly body?: Uint8Array | ReadStream;
}

/** Thrown by endpoints to answer with an error; never leaves this folder. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly code: RefusalCode;
  readonly headers: Headers;

  constructor(status: number, code: RefusalCode, message: string, headers: Headers = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }

  /** The answer that carries this refusal. */
  get reply(): Reply {
    const error = { code: this.code, message: displayText(this.message) };
    const reply = jsonReply({ errors: [error] }, this.headers);
    return { ...reply, status: this.status };
  }
}

/** Answers 200 with a JSON document. */
export function jsonReply(document: unknown, headers: Headers = {}): Reply {
  const body = Buffer.from(JSON.stringify(document));
  return {
    status: 200,
    headers: {
      'Content-Type': 'application/json',
      'Content-Length': String(body.length),
      ...headers,
    },
    body,
  };
}
