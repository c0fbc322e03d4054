/**
 * Authentication against registries: items 56 to 58 and 61 of the registry checklist.
 */

import { Readable } from 'node:stream';
import t from 'tap';
import type { Credential } from '../../../src/registry/index.ts';
import { startDockerRegistry } from '../../support/docker-registry.ts';
import { forward, reply, replyJson, replyWith } from '../../support/fault-actions.ts';
import { type FaultServer, type Rule, startFaultServer } from '../../support/fault-server.ts';
import { identityToken } from '../../support/token-server.ts';
import {
  errorOf,
  fakeClock,
  imageOf,
  layerOf,
  login,
  pushImage,
  readAll,
  testClient,
} from '../support.ts';

const image = imageOf([layerOf(20_000, 'a'), layerOf(20_000, 'b'), layerOf(20_000, 'c')]);

t.test('item 56: Basic, with a colon in the password', async (t) => {
  await using registry = await startDockerRegistry({ auth: 'basic' });
  const place = { registry: registry.host, repository: 'app' };
  const { client } = testClient({ credential: login() });
  await pushImage(client, place, image);
  t.same(await client.repository(place).resolve('latest'), image.descriptor);
  await client.close();

  const none = testClient();
  const error = await errorOf(none.client.repository(place).resolve('latest'));
  t.equal(error.code, 'REGISTRY_UNAUTHORIZED');
  t.equal(error.exitCode, 6);
  t.match(error.suggestion, `s2oci login ${registry.host}`);
  const wrong = testClient({ credential: login('alice', 'wrong') });
  t.equal(
    (await errorOf(wrong.client.repository(place).resolve('latest'))).code,
    'REGISTRY_UNAUTHORIZED',
  );
  await registry.settle();
  t.ok(registry.requests.filter(({ status }) => status === 401).length < 10, 'no loop');
  await Promise.all([none.client.close(), wrong.client.close()]);
});

t.test('item 56: Bearer with a login, with an identity token, anonymously', async (t) => {
  const identity: Credential = { kind: 'identity', token: identityToken, origin: 'test' };
  for (const credential of [login(), identity]) {
    await using registry = await startDockerRegistry({ auth: 'token' });
    const place = { registry: registry.host, repository: 'public/app' };
    const { client } = testClient({ credential });
    await pushImage(client, place, image);
    t.ok(registry.tokenServer?.requests.every(({ user }) => user === 'alice'));
    t.equal(
      registry.tokenServer?.requests[0]?.method,
      credential.kind === 'identity' ? 'POST' : 'GET',
    );
    const anonymous = testClient();
    const repository = anonymous.client.repository(place);
    t.same(await repository.resolve('latest'), image.descriptor);
    const denied = await errorOf(repository.putBlob(layerOf(1).descriptor, layerOf(1).open));
    t.equal(denied.exitCode, 6);
    await Promise.all([client.close(), anonymous.client.close()]);
  }
});

t.test('item 56: a token server without POST is asked by GET', async (t) => {
  for (const status of [400, 401, 404, 405]) {
    await using tokens = await startFaultServer({
      rules: [
        { method: 'POST', act: reply(status) },
        { method: 'GET', act: replyJson(200, { access_token: 'granted' }) },
      ],
    });
    await using server = await bearerRegistry(tokens, 'granted');
    const { client } = testClient({
      credential: { kind: 'identity', token: 'refresh', username: 'bob', origin: 'test' },
    });
    const repository = client.repository({ registry: server.host, repository: 'app' });
    t.same(await repository.resolve('1'), image.descriptor);
    const [post, get] = tokens.requests;
    t.match(post?.body().toString(), 'grant_type=refresh_token&refresh_token=refresh');
    const basic = Buffer.from('bob:refresh').toString('base64');
    t.equal(get?.headers.authorization, `Basic ${basic}`);
    await client.close();
  }
});

t.test('item 56: a registry token is sent as it is', async (t) => {
  await using server = await startFaultServer({
    rules: [{ kind: 'manifest-head', act: replyWith(manifest) }],
  });
  const { client } = testClient({ credential: { kind: 'bearer', token: 'as-it-is', origin: 'x' } });
  await client.repository({ registry: server.host, repository: 'app' }).resolve('1');
  t.equal(server.requests.at(-1)?.headers.authorization, 'Bearer as-it-is');
  await client.close();
});

t.test('item 57: parallel transfers share one token request', async (t) => {
  await using registry = await startDockerRegistry({ auth: 'token' });
  const place = { registry: registry.host, repository: 'app' };
  const many = imageOf(Array.from({ length: 6 }, (_, i) => layerOf(50_000, `layer ${i}`)));
  const pushing = testClient({ credential: login() });
  await pushImage(pushing.client, place, many);
  const before = registry.tokenServer?.requests.length ?? 0;
  const { client } = testClient({ credential: login() });
  const repository = client.repository(place);
  await Promise.all(
    many.blobs.map(async ({ descriptor }) => readAll(await repository.openBlob(descriptor))),
  );
  t.equal((registry.tokenServer?.requests.length ?? 0) - before, 1);
  await Promise.all([client.close(), pushing.client.close()]);
});

t.test('item 57: a token is renewed before it ends, without a refusal', async (t) => {
  const clock = fakeClock();
  let issued = 0;
  await using tokens = await startFaultServer({
    rules: [
      {
        times: 99,
        act: replyWith(() => {
          issued += 1;
          return {
            status: 200,
            body: JSON.stringify({ token: `token-${issued}`, expires_in: 300 }),
          };
        }),
      },
    ],
  });
  await using server = await startFaultServer();
  server.script(
    {
      kind: 'manifest-head',
      when: ({ headers }) => headers.authorization !== undefined,
      times: 99,
      act: replyWith(manifest),
    },
    challenge(tokens),
  );
  const { client } = testClient({ clock, credential: login() });
  const repository = client.repository({ registry: server.host, repository: 'app' });
  await repository.resolve('1');
  await clock.sleep(260_000, AbortSignal.timeout(1000));
  await repository.resolve('1');
  t.equal(issued, 1, 'at 87 % of its life it is still good');
  await clock.sleep(20_000, AbortSignal.timeout(1000));
  await repository.resolve('1');
  t.equal(issued, 2, 'at 93 % it is renewed');
  t.equal(server.requests.filter(({ status }) => status === 401).length, 1);
  await client.close();
});

t.test('item 57: tokens that live two seconds, and end during an upload', async (t) => {
  await using registry = await startDockerRegistry({
    auth: 'token',
    tokens: { lifeSeconds: 2, reportedLife: 300 },
  });
  await using server = await startFaultServer({ upstream: registry.url });
  const place = { registry: server.host, repository: 'app' };
  const { client } = testClient({ credential: login() });
  // The registry allows a minute of leeway, so the end of a token is played by the server in front.
  server.script({
    kind: 'upload-put',
    act: reply(401, {
      headers: {
        'www-authenticate': `Bearer realm="${registry.tokenServer?.realm}",service="test-registry",scope="repository:app:pull,push",error="invalid_token"`,
      },
    }),
  });
  await pushImage(client, place, image);
  const puts = server.requests.filter(({ kind }) => kind === 'upload-put');
  const repeated = puts.filter(
    ({ path }) => path === puts.find(({ status }) => status === 401)?.path,
  );
  t.equal(repeated.length, 2, 'the same session goes on with a new token');
  t.not(repeated[0]?.headers.authorization, repeated[1]?.headers.authorization);
  t.same(await client.repository(place).resolve('latest'), image.descriptor);
  await client.close();
});

t.test('item 57: odd lives of tokens', async (t) => {
  for (const life of [undefined, 0, -5, 1e12, 'soon', null]) {
    await using tokens = await startFaultServer({
      rules: [{ times: 9, act: replyJson(200, { token: 'granted', expires_in: life }) }],
    });
    await using server = await bearerRegistry(tokens, 'granted');
    const { client } = testClient();
    const repository = client.repository({ registry: server.host, repository: 'app' });
    await repository.resolve('1');
    await repository.resolve('1');
    t.equal(tokens.requests.length, 1, `expires_in ${life}`);
    await client.close();
  }
});

t.test(
  'item 58: insufficient scope is asked for once, then it is a refusal that names it',
  async (t) => {
    await using tokens = await startFaultServer({
      rules: [{ times: 9, act: replyJson(200, { token: 'weak' }) }],
    });
    const challenge = `Bearer realm="${tokens.url}/token",scope="repository:app:pull,special",error="insufficient_scope"`;
    for (const status of [401, 403]) {
      await using server = await startFaultServer({
        rules: [
          {
            times: 99,
            act: reply(status, {
              headers: { 'www-authenticate': challenge },
              body: JSON.stringify({ errors: [{ code: 'DENIED', message: 'no special rights' }] }),
            }),
          },
        ],
      });
      const { client } = testClient();
      const repository = client.repository({ registry: server.host, repository: 'app' });
      const before = tokens.requests.length;
      const error = await errorOf(repository.resolve('1'));
      t.equal(error.exitCode, 6);
      t.match(error.message, /no special rights/);
      t.match(error.message, /repository:app:pull,special/);
      t.ok(tokens.requests.length - before <= 4);
      t.ok(tokens.requests.some(({ path }) => /special/.test(path)));
      await client.close();
    }
  },
);

t.test('item 58: a refusal without challenge leads to the base endpoint', async (t) => {
  const sent: string[] = [];
  const { client } = testClient({
    transport: async ({ method, url, headers }) => {
      sent.push(`${method} ${url.pathname}`);
      const answer = (status: number, fields: Record<string, string> = {}, body = '') => ({
        status,
        headers: new Map(Object.entries(fields).map(([name, value]) => [name, [value]])),
        body: Readable.from([Buffer.from(body)]),
      });
      if (url.pathname === '/token') return answer(200, {}, JSON.stringify({ token: 'granted' }));
      if (url.pathname === '/v2/') {
        return answer(401, { 'www-authenticate': 'Bearer realm="https://gcr.test/token"' });
      }
      if (headers['authorization'] !== 'Bearer granted') return answer(401);
      return answer(200, {
        'content-type': image.manifest.mediaType,
        'docker-content-digest': image.descriptor.digest,
        'content-length': String(image.descriptor.size),
      });
    },
  });
  const repository = client.repository({ registry: 'gcr.test', repository: 'app' });
  t.same(await repository.resolve('1'), image.descriptor);
  t.same(sent, ['HEAD /v2/app/manifests/1', 'GET /v2/', 'GET /token', 'HEAD /v2/app/manifests/1']);
});

t.test('item 61: a token server on plain HTTP or a private address is not asked', async (t) => {
  const realms: Readonly<Record<string, RegExp>> = {
    'http://auth.registry.test/token': /plain HTTP/,
    'https://169.254.169.254/token': /special address/,
    'https://[::ffff:169.254.169.254]/token': /special address/,
    'https://0.0.0.0/token': /special address/,
    'https://127.0.0.1/token': /loopback address/,
    'https://10.0.0.1/token': /private address/,
    'https://user:password@auth.registry.test/token': /user information/,
    'file:///etc/passwd': /no usable token server/,
    'not a url': /no usable token server/,
  };
  for (const [realm, why] of Object.entries(realms)) {
    const sent: string[] = [];
    const { client } = testClient({
      credential: login(),
      transport: async ({ url }) => {
        sent.push(url.host);
        const headers = new Map([['www-authenticate', [`Bearer realm="${realm}"`]]]);
        return { status: 401, headers, body: Readable.from([]) };
      },
    });
    const repository = client.repository({ registry: 'registry.test', repository: 'app' });
    const error = await errorOf(repository.resolve('1'));
    t.equal(error.exitCode, 5, realm);
    t.match(error.message, why);
    t.notMatch(error.message, 'password');
    t.same([...new Set(sent)], ['registry.test']);
  }
});

t.test('item 61: CVE-2026-48978 a foreign token server gets no password', async (t) => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['registry.example.com', 'https://auth.example.com/token', true],
    ['registry.gitlab.com', 'https://gitlab.com/jwt/auth', true],
    ['docker.io', 'https://auth.docker.io/token', true],
    ['registry.example.com', 'https://evil.test/token', false],
    ['registry.example.com', 'https://example.com.evil.test/token', false],
    ['registry.co.uk', 'https://evil.co.uk/token', false],
    ['registry.example.com', 'https://allowed.test/token', true],
  ];
  for (const [registry, realm, trusted] of cases) {
    const asked: (string | undefined)[] = [];
    const { client, messages } = testClient({
      credential: login(),
      settings: { realmHosts: { 'registry.example.com': ['allowed.test'] } },
      transport: async ({ url, headers }) => {
        if (url.href.startsWith(realm)) {
          asked.push(headers['authorization']);
          return {
            status: 200,
            headers: new Map(),
            body: Readable.from([Buffer.from('{"token":"t"}')]),
          };
        }
        const fields = new Map([['www-authenticate', [`Bearer realm="${realm}"`]]]);
        return { status: 401, headers: fields, body: Readable.from([]) };
      },
    });
    await errorOf(client.repository({ registry, repository: 'app' }).resolve('1'));
    t.ok(asked.length > 0, `${registry} ${realm}`);
    t.ok(asked.every((value) => (value !== undefined) === trusted));
    t.equal(
      messages().some((text) => /were not sent to its token server/.test(text)),
      !trusted,
    );
  }
});

t.test(
  'item 61: the token server is not followed elsewhere, and answers within limits',
  async (t) => {
    const answers = {
      'a redirect': reply(307, { headers: { location: 'http://169.254.169.254/' } }),
      'a token with line breaks': replyJson(200, { token: 'a\r\nX-Evil: 1' }),
      'no token': replyJson(200, {}),
      'no JSON': reply(200, { body: '<html>' }),
      'two megabytes': reply(200, { body: Buffer.alloc(2 * 1024 * 1024, 32) }),
    };
    for (const [name, act] of Object.entries(answers)) {
      await using tokens = await startFaultServer({ rules: [{ times: 9, act }] });
      await using server = await bearerRegistry(tokens, 'never');
      const { client } = testClient({ credential: login() });
      const repository = client.repository({ registry: server.host, repository: 'app' });
      const error = await errorOf(repository.resolve('1'));
      t.equal(error.exitCode, 5, name);
      t.ok(server.requests.every(({ headers }) => headers.authorization === undefined));
      await client.close();
    }
  },
);

t.test('a login that the token server refuses is named by its origin', async (t) => {
  await using registry = await startDockerRegistry({ auth: 'token' });
  const { client } = testClient({ credential: login('alice', 'wrong') });
  const repository = client.repository({ registry: registry.host, repository: 'public/app' });
  const error = await errorOf(repository.resolve('1'));
  t.equal(error.code, 'REGISTRY_UNAUTHORIZED');
  t.match(error.message, /login from the test/);
  t.notMatch(error.message, 'wrong');
  await client.close();
});

t.test('a token server that fails for a moment is asked again', async (t) => {
  await using registry = await startDockerRegistry({ auth: 'token' });
  const { realm = '' } = registry.tokenServer ?? {};
  await using tokens = await startFaultServer({
    upstream: new URL(realm).origin,
    rules: [{ act: reply(503) }, { act: reply(502) }],
  });
  await using server = await startFaultServer({
    upstream: registry.url,
    rules: [
      {
        times: 999,
        act: forward({
          changeHeaders: (headers) => ({
            ...headers,
            'www-authenticate': String(headers['www-authenticate']).replace(
              new URL(realm).origin,
              tokens.url,
            ),
          }),
        }),
      },
    ],
  });
  const { client } = testClient({ credential: login() });
  await pushImage(client, { registry: server.host, repository: 'app' }, image);
  t.equal(client.totals.retries >= 2, true);
  await client.close();
});

function manifest(): { status: number; headers: Record<string, string | number> } {
  return {
    status: 200,
    headers: {
      'content-type': image.manifest.mediaType,
      'docker-content-digest': image.descriptor.digest,
      'content-length': image.descriptor.size,
    },
  };
}

function challenge(tokens: FaultServer): Rule {
  const value = `Bearer realm="${tokens.url}/token",service="s"`;
  return { times: 99, act: reply(401, { headers: { 'www-authenticate': value } }) };
}

/** A registry that wants one certain token. */
function bearerRegistry(tokens: FaultServer, token: string): Promise<FaultServer> {
  return startFaultServer({
    rules: [
      {
        kind: 'manifest-head',
        when: ({ headers }) => headers.authorization === `Bearer ${token}`,
        times: 99,
        act: replyWith(manifest),
      },
      challenge(tokens),
    ],
  });
}
