/**
 * Uploading one blob: is it there already, can it be mounted, else POST and PUT, in pieces where a whole
 * body is refused.
 *
 * After a cut the first question is whether the registry has the blob after all (its answer was lost),
 * the second what it has of the session; only then is anything sent again. A piece is never repeated to
 * the same location without asking, because the registry may have kept it.
 */

import type { OpenBlob, PutOptions, PutOutcome } from '../../blob/index.ts';
import { BuildError } from '../../errors/index.ts';
import type { Descriptor } from '../../model/index.ts';
import { headBlob } from '../endpoints/blobs.ts';
import { nameOf, type Place } from '../endpoints/place.ts';
import {
  cancelUpload,
  patchUpload,
  putUpload,
  startUpload,
  type UploadSession,
  uploadStatus,
} from '../endpoints/uploads.ts';
import { Attempts, withRetry } from '../host/retry.ts';
import { isStatus, RequestFailure } from '../http/failure.ts';
import { smallerChunkSize } from './chunk-size.ts';
import { BlobCursor } from './cursor.ts';
import { tryMounts } from './mount.ts';

/** What is uploaded. */
export interface UploadInput {
  readonly descriptor: Descriptor;
  readonly open: OpenBlob;
  /** Repositories of the same registry that may have the blob, best first. */
  readonly mountFrom: readonly string[];
  readonly onProgress?: PutOptions['onProgress'];
  /** Uploads even when the registry claims to have the blob. */
  readonly force?: boolean;
}

/** Makes a blob present at a place. */
export async function uploadBlob(
  place: Place,
  input: UploadInput,
  signal: AbortSignal,
): Promise<PutOutcome> {
  const { descriptor, mountFrom } = input;
  const { counters } = place.host.context;
  const operation = {
    what: `upload blob ${descriptor.digest} to ${nameOf(place)}`,
    notFound: 'REGISTRY_REFUSED',
  } as const;
  const isThere = (): Promise<boolean> => headBlob(place, descriptor, signal);
  if (input.force !== true && (await withRetry(place.host, operation, signal, isThere))) {
    counters.add('skipped', descriptor.size);
    return 'present';
  }
  const mount = await tryMounts(place, descriptor, mountFrom, signal);
  if (mount === 'mounted') {
    counters.add('mounted', descriptor.size);
    return 'mounted';
  }
  await using upload = new Upload(
    place,
    input,
    new Attempts(place.host, operation, signal),
    signal,
  );
  await upload.run(mount);
  return 'uploaded';
}

class Upload implements AsyncDisposable {
  readonly #place: Place;
  readonly #input: UploadInput;
  readonly #attempts: Attempts;
  readonly #signal: AbortSignal;
  readonly #cursor: BlobCursor;
  #session: UploadSession | undefined;
  /** Whether what is in the session was put there before a cut. */
  #resumed = false;
  #done = false;
  /** Whether the blob's own source has failed once by giving damaged content. */
  #sourceFailed = false;

  constructor(place: Place, input: UploadInput, attempts: Attempts, signal: AbortSignal) {
    this.#place = place;
    this.#input = input;
    this.#attempts = attempts;
    this.#signal = signal;
    this.#cursor = new BlobCursor(input.open, input.descriptor.size);
  }

  async run(session: UploadSession | undefined): Promise<void> {
    this.#session = session;
    while (!this.#done) {
      try {
        this.#session ??= await startUpload(this.#place, this.#signal);
        await this.#send(this.#session);
        this.#done = true;
      } catch (error) {
        await this.#recover(error);
      }
    }
  }

  /** An upload that did not end well is given up on the registry too, in the little time there is. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cursor[Symbol.asyncDispose]();
    const session = this.#session;
    if (this.#done || session === undefined) return;
    const { cleanupMs } = this.#place.host.context.settings.timeouts;
    await cancelUpload(this.#place, session, AbortSignal.timeout(cleanupMs)).catch(() => {});
  }

  async #send(session: UploadSession): Promise<void> {
    const { size, digest } = this.#input.descriptor;
    const { quirks } = this.#place.host;
    if (session.offset === 0 && quirks.chunkSize === undefined) {
      await putUpload(
        this.#place,
        session,
        { digest, body: this.#cursor.piece(0, size), onSent: this.#report(0) },
        this.#signal,
      );
      return;
    }
    while (this.#current.offset < size) await this.#sendPiece(this.#current);
    await putUpload(this.#place, this.#current, { digest }, this.#signal);
  }

  async #sendPiece(session: UploadSession): Promise<void> {
    const { quirks } = this.#place.host;
    const left = this.#input.descriptor.size - session.offset;
    const length = Math.min(left, Math.max(quirks.chunkSize ?? left, session.minChunk));
    const body = this.#cursor.piece(session.offset, length);
    const piece = { body, onSent: this.#report(session.offset) };
    this.#session = await patchUpload(this.#place, session, piece, this.#signal);
    if (!this.#resumed) this.#attempts.progress();
  }

  get #current(): UploadSession {
    return this.#session as UploadSession;
  }

  #report(offset: number): (bytes: number) => void {
    const { counters } = this.#place.host.context;
    let counted = 0;
    return (bytes) => {
      counters.add('pushed', bytes - counted);
      counted = bytes;
      this.#input.onProgress?.(offset + bytes);
    };
  }

  /** Decides how to go on after a failed attempt; throws when there is no going on. */
  async #recover(error: unknown): Promise<void> {
    this.#signal.throwIfAborted();
    if (isDamaged(error) && !this.#sourceFailed) {
      this.#sourceFailed = true;
      return this.#restart();
    }
    if (isStatus(error, 413)) return this.#shrink(error);
    if (isStatus(error, 416)) return this.#afterRange(error);
    const session = this.#session;
    const lost = this.#lostSession(error);
    await this.#attempts.failure(lost ?? error);
    this.#session = undefined;
    if (session === undefined) return;
    if (await this.#isThere()) this.#done = true;
    else if (lost === undefined) await this.#resume(session);
  }

  /** The registry does not know the session any more, or its content went wrong: begin anew. */
  #lostSession(error: unknown): RequestFailure | undefined {
    if (!isStatus(error, 404, 400) || this.#session === undefined) return undefined;
    const known = error.hasCode('BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID');
    const wrong = this.#resumed && error.hasCode('DIGEST_INVALID', 'SIZE_INVALID');
    if (error.status !== 404 && !known && !wrong) return undefined;
    this.#resumed = false;
    const { method, host, status } = error;
    const why = `the registry lost the upload: ${error.message}`;
    return new RequestFailure('broken', why, { method, host, status });
  }

  /** The body was too large: from now on this host gets pieces, and smaller ones each time. */
  async #shrink(failure: RequestFailure): Promise<void> {
    const { quirks } = this.#place.host;
    const { size } = this.#input.descriptor;
    const minimum = this.#session?.minChunk ?? 0;
    const next = smallerChunkSize(quirks.chunkSize ?? size, minimum);
    if (next === undefined) return this.#attempts.failure(failure);
    quirks.chunkSize = next;
    await this.#restart();
  }

  /** 416: either our offset is wrong, which the status tells, or the piece is too large. */
  async #afterRange(failure: RequestFailure): Promise<void> {
    const session = this.#session;
    const status = session === undefined ? undefined : await this.#status(session);
    if (status === undefined || session === undefined) {
      this.#session = undefined;
      return this.#attempts.failure(this.#lostRange(failure));
    }
    if (status.offset === session.offset) return this.#shrink(failure);
    await this.#attempts.failure(this.#lostRange(failure));
    this.#session = status;
  }

  #lostRange(failure: RequestFailure): RequestFailure {
    return new RequestFailure('broken', failure.message, { cause: failure });
  }

  async #restart(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#resumed = false;
    if (session === undefined) return;
    const { cleanupMs } = this.#place.host.context.settings.timeouts;
    const limit = AbortSignal.any([this.#signal, AbortSignal.timeout(cleanupMs)]);
    await cancelUpload(this.#place, session, limit).catch(() => {});
  }

  async #resume(session: UploadSession): Promise<void> {
    const status = await this.#status(session);
    if (status === undefined || status.offset === 0 || this.#resumed) return;
    if (status.offset > this.#input.descriptor.size) return;
    this.#resumed = true;
    this.#session = status;
  }

  async #isThere(): Promise<boolean> {
    return headBlob(this.#place, this.#input.descriptor, this.#signal).catch(() => false);
  }

  async #status(session: UploadSession): Promise<UploadSession | undefined> {
    return uploadStatus(this.#place, session, this.#signal).catch(() => undefined);
  }
}

/** Content that came damaged from another registry may come whole at the second time. */
function isDamaged(error: unknown): boolean {
  return error instanceof BuildError && error.code === 'DIGEST_MISMATCH';
}
