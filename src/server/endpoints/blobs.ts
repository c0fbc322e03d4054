/** Blobs: pull with ranges (end-2) and delete (end-10). */

import type { Handler } from '../exchange.ts';
import { parseRange } from '../range.ts';
import { type Headers, Refusal, type Reply } from '../reply.ts';
import type { RouteOf } from '../routes.ts';
import type { OpenedBlob } from '../storage/index.ts';
import { isUnchanged } from './conditions.ts';

/** GET of a blob, whole or in part. */
export const getBlob: Handler<'blob'> = async ({ route, request, registry }) => {
  const blob = await registry.storage.blobs.open(route.repository, route.digest);
  if (blob === undefined) throw unknownBlob(route);
  const headers = headersOf(route);
  if (isUnchanged(request, route.digest)) {
    await blob.handle.close();
    return { status: 304, headers };
  }
  const condition = request.headers['if-range'];
  const applies = condition === undefined || condition === headers['ETag'];
  return await rangeReply(blob, applies ? request.headers.range : undefined, headers);
};

/** HEAD of a blob. */
export const headBlob: Handler<'blob'> = async ({ route, request, registry }) => {
  const size = await registry.storage.blobs.size(route.repository, route.digest);
  if (size === undefined) throw unknownBlob(route);
  const headers = headersOf(route);
  if (isUnchanged(request, route.digest)) return { status: 304, headers };
  return { status: 200, headers: { ...headers, 'Content-Length': String(size) } };
};

/** DELETE of a blob from one repository. */
export const deleteBlob: Handler<'blob'> = async ({ route, registry }) => {
  if (await registry.storage.blobs.remove(route.repository, route.digest)) return { status: 202 };
  throw unknownBlob(route);
};

async function rangeReply(
  blob: OpenedBlob,
  rangeHeader: string | undefined,
  headers: Headers,
): Promise<Reply> {
  const { handle, size } = blob;
  const range = parseRange(rangeHeader, size);
  if (range === 'unsatisfiable') {
    await handle.close();
    throw new Refusal(416, 'SIZE_INVALID', `the blob has ${size} bytes`, {
      'Content-Range': `bytes */${size}`,
    });
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  const partial = range === undefined ? {} : { 'Content-Range': `bytes ${start}-${end}/${size}` };
  const common = { ...headers, ...partial, 'Content-Length': String(end - start + 1) };
  const status = range === undefined ? 200 : 206;
  if (size === 0) {
    await handle.close();
    return { status, headers: common };
  }
  const body = handle.createReadStream({ start, end, highWaterMark: 256 * 1024 });
  return { status, headers: common, body };
}

function headersOf(route: RouteOf<'blob'>): Headers {
  return {
    'Content-Type': 'application/octet-stream',
    'Docker-Content-Digest': route.digest,
    ETag: `"${route.digest}"`,
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'max-age=31536000, immutable',
  };
}

function unknownBlob(route: RouteOf<'blob'>): Refusal {
  return new Refusal(404, 'BLOB_UNKNOWN', `${route.repository} holds no blob ${route.digest}`);
}
