/** The answers that the upload endpoints share. */

import type { Digest } from '../../model/index.ts';
import { formatUploadRange } from '../range.ts';
import type { Headers, Reply } from '../reply.ts';

/** Headers that tell a client where and from which offset to go on with an upload. */
export function sessionHeaders(repository: string, id: string, offset: number): Headers {
  return {
    Location: `/v2/${repository}/blobs/uploads/${id}`,
    Range: formatUploadRange(offset),
    'Docker-Upload-UUID': id,
  };
}

/** Answers that a blob is now present in a repository. */
export function createdBlob(repository: string, digest: Digest): Reply {
  return {
    status: 201,
    headers: {
      Location: `/v2/${repository}/blobs/${digest}`,
      'Docker-Content-Digest': digest,
    },
  };
}
