/** Item 66: proxies, their logins, and what does not go through them. */

import t from 'tap';
import { type ProxySettings, proxyFor } from '../../src/registry/http/proxy.ts';
import { undiciTransport } from '../../src/registry/http/undici-transport.ts';
import { makeCertificate } from '../support/certificate.ts';
import { reply } from '../support/fault-actions.ts';
import { startFaultServer } from '../support/fault-server.ts';
import { startProxy } from '../support/proxy.ts';
import { errorOf, imageOf, layerOf, manifestHeaders, testClient } from './support.ts';

const image = imageOf([layerOf(10)]);
const found = reply(200, { headers: manifestHeaders(image) });

const rows: readonly (readonly [string, string, ProxySettings, string | undefined])[] = [
  ['no proxy', 'https://r.test/', {}, undefined],
  ['https', 'https://r.test/', { https: 'http://p:1', http: 'http://q:2' }, 'http://p:1'],
  ['http', 'http://r.test/', { https: 'http://p:1', http: 'http://q:2' }, 'http://q:2'],
  ['all for https', 'https://r.test/', { all: 'http://a:3' }, 'http://a:3'],
  ['https before all', 'https://r.test/', { all: 'http://a:3', https: 'http://p:1' }, 'http://p:1'],
  ['an empty value is none', 'https://r.test/', { https: '', all: '' }, undefined],
  ['no scheme means http', 'https://r.test/', { https: 'p:1' }, 'http://p:1'],
  ['loopback never', 'http://127.0.0.1:5000/', { all: 'http://a:3' }, undefined],
  ['localhost never', 'https://localhost/', { all: 'http://a:3' }, undefined],
  ['star', 'https://r.test/', { all: 'a:3', no: '*' }, undefined],
  ['exact', 'https://r.test/', { all: 'a:3', no: 'r.test' }, undefined],
  ['exact covers what is below', 'https://sub.r.test/', { all: 'a:3', no: 'r.test' }, undefined],
  ['a longer name is another', 'https://notr.test/', { all: 'a:3', no: 'r.test' }, 'http://a:3'],
  ['suffix', 'https://sub.r.test/', { all: 'a:3', no: '.r.test' }, undefined],
  ['suffix with star', 'https://sub.r.test/', { all: 'a:3', no: '*.r.test' }, undefined],
  ['case', 'https://R.Test/', { all: 'a:3', no: 'r.TEST' }, undefined],
  ['lists by comma and space', 'https://r.test/', { all: 'a:3', no: 'x, y r.test,z' }, undefined],
  ['port that fits', 'https://r.test:5000/', { all: 'a:3', no: 'r.test:5000' }, undefined],
  ['port that does not', 'https://r.test/', { all: 'a:3', no: 'r.test:5000' }, 'http://a:3'],
  ['the default port', 'https://r.test/', { all: 'a:3', no: 'r.test:443' }, undefined],
  ['address', 'https://10.0.0.1/', { all: 'a:3', no: '10.0.0.1' }, undefined],
  ['CIDR inside', 'https://10.1.2.3/', { all: 'a:3', no: '10.0.0.0/8' }, undefined],
  ['CIDR outside', 'https://11.1.2.3/', { all: 'a:3', no: '10.0.0.0/8' }, 'http://a:3'],
  ['CIDR of IPv6', 'https://[fd00::5]/', { all: 'a:3', no: 'fd00::/8' }, undefined],
  [
    'CIDR of the other family',
    'https://[fd00::5]/',
    { all: 'a:3', no: '10.0.0.0/8' },
    'http://a:3',
  ],
  [
    'a CIDR that is none',
    'https://10.0.0.1/',
    { all: 'a:3', no: '10.0.0.0/99,x/8,10.0.0.0/' },
    'http://a:3',
  ],
  ['an address is no suffix', 'https://10.0.0.1/', { all: 'a:3', no: '0.0.1' }, 'http://a:3'],
  ['IPv6 in brackets', 'https://[2001:db8::1]/', { all: 'a:3', no: '[2001:db8::1]' }, undefined],
];

for (const [name, url, settings, expected] of rows) {
  t.test(`item 66: ${name}`, async (t) => {
    t.equal(proxyFor(new URL(url), settings), expected);
  });
}

t.test('item 66: plain HTTP goes through a proxy in absolute form, without a tunnel', async (t) => {
  await using server = await startFaultServer({
    rules: [{ method: 'HEAD', times: 9, act: found }],
  });
  await using proxy = await startProxy({ target: server.url, login: 'user:pa ss', strict: true });
  const settings = {
    insecure: ['registry.test'],
    proxy: {
      http: `http://user:pa%20ss@${proxy.host}`,
      https: `http://user:pa%20ss@${proxy.host}`,
    },
  };
  const transport = undiciTransport({
    ...settings,
    caFiles: [],
    certificateDirectories: [],
    connectMs: 1000,
  });
  const answer = await transport.send({
    method: 'HEAD',
    url: new URL('http://registry.test/v2/app/manifests/1'),
    headers: {},
    reach: 'any',
    signal: AbortSignal.timeout(5000),
  });
  answer.body.resume();
  t.equal(answer.status, 200);
  t.same(proxy.requests, ['HEAD http://registry.test/v2/app/manifests/1']);
  t.equal(server.requests[0]?.headers.host, 'registry.test');
  await transport.close();
});

t.test(
  'item 66: HTTPS goes through a tunnel, with the proxy login and not beyond it',
  async (t) => {
    const dir = t.testdir({});
    const tls = await makeCertificate(dir, 'server', { subjectAltName: 'DNS:registry.test' });
    await using server = await startFaultServer({
      tls,
      rules: [{ method: 'HEAD', times: 9, act: found }],
    });
    await using proxy = await startProxy({
      target: server.url,
      login: 'user:secret',
      strict: true,
    });
    const { client } = testClient({
      settings: { caFiles: [tls.caFile], proxy: { all: `http://user:secret@${proxy.host}` } },
    });
    const repository = client.repository({ registry: 'registry.test', repository: 'app' });
    t.same(await repository.resolve('1'), image.descriptor);
    t.same(new Set(proxy.requests), new Set(['CONNECT registry.test:443']));
    t.equal(server.requests[0]?.headers['proxy-authorization'], undefined);
    await client.close();
  },
);

t.test('item 66: F16 a proxy that refuses is an error that does not show its login', async (t) => {
  await using proxy = await startProxy({ target: 'http://127.0.0.1:9', login: 'user:secret' });
  const { client, messages } = testClient({
    settings: { proxy: { all: `http://user:wrongpassword@${proxy.host}` } },
  });
  const error = await errorOf(
    client.repository({ registry: 'registry.test', repository: 'app' }).resolve('1'),
  );
  t.equal(error.exitCode, 5, `${error.code} ${error.message}`);
  t.match(error.message, /407|proxy/i);
  t.notMatch(JSON.stringify([error, error.message, messages('debug')]), /wrongpassword/);
  await client.close();
});

t.test('item 66: a host in no_proxy is reached directly', async (t) => {
  await using server = await startFaultServer({
    rules: [{ method: 'HEAD', times: 9, act: found }],
  });
  await using proxy = await startProxy({ target: 'http://127.0.0.1:9' });
  const { client } = testClient({ settings: { proxy: { all: proxy.url } } });
  t.same(
    await client.repository({ registry: server.host, repository: 'app' }).resolve('1'),
    image.descriptor,
  );
  t.same(proxy.requests, []);
  await client.close();
});
