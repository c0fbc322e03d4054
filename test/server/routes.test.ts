import t from 'tap';
import { digestOf, isRepository } from '../../src/model/index.ts';
import { Refusal } from '../../src/server/reply.ts';
import { parseRoute } from '../../src/server/routes.ts';
import { fc } from '../support/property.ts';

const digest = digestOf('x');
const id = '00000000-0000-4000-8000-000000000000';

t.test('paths lead to endpoints', async (t) => {
  const cases = {
    '/v2': { endpoint: 'base' },
    '/v2/': { endpoint: 'base' },
    [`/v2/a/blobs/${digest}`]: { endpoint: 'blob', repository: 'a', digest },
    [`/v2/a/blobs/${encodeURIComponent(digest)}`]: { endpoint: 'blob', repository: 'a', digest },
    '/v2/a/b/blobs/uploads/': { endpoint: 'uploads', repository: 'a/b' },
    '/v2/a/b/blobs/uploads': { endpoint: 'uploads', repository: 'a/b' },
    [`/v2/a/blobs/uploads/${id}`]: { endpoint: 'session', repository: 'a', id },
    '/v2/a/manifests/1.0': { endpoint: 'manifest', repository: 'a', reference: '1.0' },
    '/v2/a/tags/list': { endpoint: 'tags', repository: 'a' },
    [`/v2/a/referrers/${digest}`]: { endpoint: 'referrers', repository: 'a', subject: digest },
  };
  for (const [path, route] of Object.entries(cases)) t.same(parseRoute(path), route, path);
});

t.test('names of repositories may contain the words of the protocol', async (t) => {
  const name = 'v2/blobs/uploads/manifests/tags/list/referrers';
  t.same(parseRoute(`/v2/${name}/tags/list`), { endpoint: 'tags', repository: name });
  t.same(parseRoute(`/v2/${name}/manifests/blobs`), {
    endpoint: 'manifest',
    repository: name,
    reference: 'blobs',
  });
});

const refused: Readonly<Record<string, readonly [number, string]>> = {
  '/': [404, 'UNSUPPORTED'],
  '/v1/': [404, 'UNSUPPORTED'],
  'http://elsewhere/v2/': [404, 'UNSUPPORTED'],
  '/v2/a': [404, 'UNSUPPORTED'],
  '/v2/a/tags/all': [404, 'UNSUPPORTED'],
  '/v2/a/%zz/list': [404, 'UNSUPPORTED'],
  '/v2//tags/list': [400, 'NAME_INVALID'],
  '/v2/A/tags/list': [400, 'NAME_INVALID'],
  '/v2/../tags/list': [400, 'NAME_INVALID'],
  '/v2/a/../b/tags/list': [400, 'NAME_INVALID'],
  '/v2/%2e%2e/tags/list': [400, 'NAME_INVALID'],
  '/v2/a%2f..%2fb/tags/list': [400, 'NAME_INVALID'],
  '/v2/a%00/tags/list': [400, 'NAME_INVALID'],
  '/v2/_blobs/tags/list': [400, 'NAME_INVALID'],
  [`/v2/${'a'.repeat(256)}/tags/list`]: [400, 'NAME_INVALID'],
  '/v2/a/blobs/sha256:..%2f..%2fformat': [400, 'DIGEST_INVALID'],
  '/v2/a/blobs/md5:d41d8cd98f00b204e9800998ecf8427e': [400, 'DIGEST_INVALID'],
  [`/v2/a/blobs/${digest.toUpperCase()}`]: [400, 'DIGEST_INVALID'],
  '/v2/a/referrers/latest': [400, 'DIGEST_INVALID'],
  '/v2/a/blobs/uploads/..': [404, 'BLOB_UPLOAD_UNKNOWN'],
  '/v2/a/blobs/uploads/not-an-id': [404, 'BLOB_UPLOAD_UNKNOWN'],
};

t.test('what breaks the grammar is refused with the reason', async (t) => {
  for (const [path, [status, code]] of Object.entries(refused)) {
    t.throws(() => parseRoute(path), { status, code }, path);
  }
});

t.test('no path yields a repository outside the grammar', async () => {
  const part = fc.oneof(
    fc.constantFrom('v2', 'blobs', 'uploads', 'manifests', 'tags', 'list', 'referrers', digest, id),
    fc.constantFrom('..', '.', '', '%2e', '%2F', '%00', '~', 'a', 'a_b', '_tags'),
    fc.string(),
  );
  const path = fc.array(part, { maxLength: 8 }).map((parts) => `/v2/${parts.join('/')}`);
  fc.assert(
    fc.property(path, (text) => {
      try {
        const route = parseRoute(text);
        return route.endpoint === 'base' || isRepository(route.repository);
      } catch (error) {
        return error instanceof Refusal;
      }
    }),
    { numRuns: 2000 },
  );
});
