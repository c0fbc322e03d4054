/** Tells which request of the distribution protocol something is, as the client counts them. */

import type { RequestKind } from '../../src/registry/index.ts';

/** Classifies a request by method and path; undefined for what is none of the protocol. */
export function requestKind(method: string, path: string): RequestKind | undefined {
  const [name = ''] = path.split('?');
  if (name.startsWith('/token')) return 'token';
  if (name === '/v2/') return 'ping';
  if (name.includes('/blobs/uploads/')) return uploadKind(method);
  if (name.includes('/blobs/')) {
    return method === 'HEAD' ? 'blob-head' : method === 'DELETE' ? 'blob-delete' : 'blob-get';
  }
  if (name.includes('/manifests/')) return manifestKind(method);
  if (name.endsWith('/tags/list')) return 'tags';
  return name.includes('/referrers/') ? 'referrers' : undefined;
}

function uploadKind(method: string): RequestKind | undefined {
  const kinds: Readonly<Record<string, RequestKind>> = {
    POST: 'upload-start',
    PATCH: 'upload-patch',
    PUT: 'upload-put',
    GET: 'upload-status',
    DELETE: 'upload-cancel',
  };
  return kinds[method];
}

function manifestKind(method: string): RequestKind | undefined {
  const kinds: Readonly<Record<string, RequestKind>> = {
    HEAD: 'manifest-head',
    GET: 'manifest-get',
    PUT: 'manifest-put',
    DELETE: 'manifest-delete',
  };
  return kinds[method];
}
