/**
 * The protocol against registries that cannot be run here, played by nock beneath the production transport:
 * Docker Hub's names and tokens (item 2), and what other public registries answer.
 */

import nock from 'nock';
import t from 'tap';
import { registryImage } from '../../src/image/index.ts';
import { parseReference } from '../../src/model/index.ts';
import {
  errorOf,
  imageOf,
  layerOf,
  login,
  manifestHeaders,
  readAll,
  testClient,
} from './support.ts';

const layer = layerOf(2000);
const image = imageOf([layer]);
const headers = Object.fromEntries(
  Object.entries(manifestHeaders(image)).map(([name, value]) => [name, String(value)]),
);

nock.disableNetConnect();
t.afterEach(() => {
  nock.cleanAll();
});
t.teardown(() => nock.restore());

t.test(
  'item 2: ubuntu is library/ubuntu at registry-1.docker.io, with a token from auth.docker.io',
  async (t) => {
    const scope = 'repository:library/ubuntu:pull';
    const hub = nock('https://registry-1.docker.io')
      .head('/v2/library/ubuntu/manifests/24.04')
      .reply(401, '', {
        'www-authenticate': `Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="${scope}"`,
      })
      .head('/v2/library/ubuntu/manifests/24.04')
      .matchHeader('authorization', 'Bearer hub-token')
      .reply(200, '', { ...headers, 'ratelimit-remaining': '99;w=21600' });
    const auth = nock('https://auth.docker.io', {
      reqheaders: { authorization: `Basic ${Buffer.from('alice:pa:ss').toString('base64')}` },
    })
      .get('/token')
      .query({ service: 'registry.docker.io', scope, account: 'alice' })
      .reply(200, { token: 'hub-token', expires_in: 300 });
    const asked: string[] = [];
    const { client } = testClient({
      credentials: {
        find: async (registry) => {
          asked.push(registry);
          return login();
        },
      },
    });
    const source = registryImage(client, parseReference('ubuntu:24.04'));
    t.same(await source.resolve(), image.descriptor);
    t.equal(source.name, 'docker.io/library/ubuntu:24.04');
    t.same(new Set(asked), new Set(['docker.io']));
    t.ok(hub.isDone() && auth.isDone());
    await client.close();
  },
);

t.test('item 2: a tag of Docker Hub is resolved without a counted pull', async (t) => {
  nock('https://registry-1.docker.io')
    .head('/v2/library/ubuntu/manifests/latest')
    .times(3)
    .reply(200, '', headers);
  const { client } = testClient();
  const repository = client.repository(parseReference('ubuntu'));
  for (let i = 0; i < 3; i += 1) await repository.resolve('latest');
  t.equal(client.totals.requests['manifest-get'], undefined);
  await client.close();
});

t.test('item 64: the rate limit of Docker Hub tells how to log in', async (t) => {
  nock('https://registry-1.docker.io')
    .persist()
    .head('/v2/library/ubuntu/manifests/latest')
    .reply(429, '')
    .get('/v2/library/ubuntu/manifests/latest')
    .reply(429, {
      errors: [{ code: 'TOOMANYREQUESTS', message: 'You have reached your pull rate limit.' }],
    });
  const { client } = testClient();
  const error = await errorOf(client.repository(parseReference('ubuntu')).resolve('latest'));
  t.equal(error.code, 'REGISTRY_RATE_LIMITED');
  t.match(error.suggestion, /s2oci login docker\.io/);
  await client.close();
});

t.test('GHCR: an opaque token, storage on another host, no DELETE of sessions', async (t) => {
  nock('https://ghcr.io')
    .get(`/v2/team/app/blobs/${layer.descriptor.digest}`)
    .reply(401, '', {
      'www-authenticate':
        'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:team/app:pull"',
    })
    .get('/token')
    .query(true)
    .reply(200, { token: 'b3BhcXVl' })
    .get(`/v2/team/app/blobs/${layer.descriptor.digest}`)
    .reply(307, '', {
      location: 'https://pkg-containers.githubusercontent.com/ghcr1/blobs/x?sig=1',
    });
  const storage = nock('https://pkg-containers.githubusercontent.com', {
    badheaders: ['authorization'],
  })
    .get('/ghcr1/blobs/x?sig=1')
    .reply(200, layer.bytes);
  const { client } = testClient();
  const repository = client.repository(parseReference('ghcr.io/team/app'));
  t.same(await readAll(await repository.openBlob(layer.descriptor)), layer.bytes);
  t.ok(storage.isDone());
  await client.close();
});

t.test('ECR: Basic for everything, 405 for a limit', async (t) => {
  const host = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
  const basic = { 'www-authenticate': 'Basic realm="https://ecr",service="ecr.amazonaws.com"' };
  nock(`https://${host}`)
    .head('/v2/app/manifests/1')
    .reply(401, '', basic)
    .head('/v2/app/manifests/1')
    .basicAuth({ user: 'AWS', pass: 'twelve-hours' })
    .reply(200, '', headers)
    .put('/v2/app/manifests/1')
    .basicAuth({ user: 'AWS', pass: 'twelve-hours' })
    .reply(405, { errors: [{ code: 'UNSUPPORTED', message: 'Invalid parameter: layer count' }] });
  const { client } = testClient({ credential: login('AWS', 'twelve-hours') });
  const repository = client.repository(parseReference(`${host}/app`));
  t.same(await repository.resolve('1'), image.descriptor);
  const { raw, mediaType } = image.manifest;
  const error = await errorOf(repository.putManifest(raw, mediaType, ['1']));
  t.match(error.message, /UNSUPPORTED: Invalid parameter: layer count/);
  await client.close();
});

t.test('a relative redirect of Artifact Registry', async (t) => {
  nock('https://europe-docker.pkg.dev')
    .get(`/v2/p/r/app/blobs/${layer.descriptor.digest}`)
    .reply(302, '', { location: '/artifacts-downloads/namespaces/p/x?token=1' })
    .get('/artifacts-downloads/namespaces/p/x?token=1')
    .reply(200, layer.bytes);
  const { client } = testClient();
  const repository = client.repository(parseReference('europe-docker.pkg.dev/p/r/app'));
  t.same(await readAll(await repository.openBlob(layer.descriptor)), layer.bytes);
  await client.close();
});
