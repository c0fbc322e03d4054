/** Basic authentication of the embedded registry, and its passwords, against other implementations. */

import { execFile, execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { Gatekeeper, parseHtpasswd } from '../../src/server/auth/index.ts';
import { parseSha512Crypt, sha512Crypt } from '../../src/server/auth/sha512-crypt.ts';
import { imageOf, layerOf, login, pushImage, testClient } from '../registry/support.ts';
import { makeCertificate } from '../support/certificate.ts';
import { send, startTestRegistry } from './client.ts';

const basic = (login: string) => `Basic ${Buffer.from(login).toString('base64')}`;

t.test('SHA-512 crypt is what openssl computes', async (t) => {
  const passwords = [
    'x',
    'secret',
    'pa:ss',
    'ünïcödé',
    'a'.repeat(63),
    'b'.repeat(64),
    'c'.repeat(130),
  ];
  for (const [i, password] of passwords.entries()) {
    const salt = `salt.${i}/abcdefgh`.slice(0, i + 1);
    const args = ['passwd', '-6', '-salt', salt, '-stdin'];
    const theirs = execFileSync('openssl', args, {
      input: `${password}\n`,
      encoding: 'utf8',
    }).trim();
    t.equal(`$6$${salt}$${sha512Crypt(password, salt)}`, theirs, JSON.stringify(password));
  }
});

t.test('SHA-512 crypt with the rounds that are asked for', async (t) => {
  // The test vectors of the specification.
  for (const [password, text] of [
    [
      'Hello world!',
      '$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.',
    ],
    [
      'the minimum number is still observed',
      '$6$rounds=10$roundstoolow$kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpyUNGc0dqbpBYYBaHHrsX.',
    ],
  ] as const) {
    const { salt = '', rounds, checksum } = parseSha512Crypt(text) ?? {};
    t.equal(sha512Crypt(password, salt, rounds), checksum, text);
  }
});

t.test('a file that htpasswd wrote', async (t) => {
  const file = join(t.testdir(), 'users');
  execFileSync('htpasswd', ['-c', '-i', '-5', file, 'alice'], { input: 'pa:ss' });
  execFileSync('htpasswd', ['-i', '-5', file, 'bob'], { input: 'word' });
  const keeper = new Gatekeeper(parseHtpasswd(await readFile(file, 'utf8'), file));
  for (const right of ['alice:pa:ss', 'bob:word', 'alice:pa:ss']) t.ok(keeper.admits(basic(right)));
  for (const wrong of ['alice:word', 'bob:', 'bob', ':word', 'carol:pa:ss', 'ALICE:pa:ss', ''])
    t.notOk(keeper.admits(basic(wrong)), wrong);
  for (const header of [
    undefined,
    '',
    'Bearer abc',
    'Basic',
    'Basic %%%',
    `Basic ${'A'.repeat(5000)}`,
  ])
    t.notOk(keeper.admits(header));
});

t.test('files that cannot be used say what to do', async (t) => {
  for (const text of [
    'alice:$2y$05$abcdefghijklmnopqrstuu',
    'alice:plain',
    ':$6$s$x',
    'alice',
    `alice:$6$rounds=999999999$s$${'x'.repeat(86)}`,
  ]) {
    const error = { code: 'CONFIG_INVALID', message: /users: line 2/, suggestion: /htpasswd -5/ };
    t.throws(() => parseHtpasswd(`# users\n${text}\n`, 'users'), error);
  }
  t.throws(() => parseHtpasswd('\n# nobody\n', 'users'), { code: 'CONFIG_INVALID' });
});

t.test('without a login nothing is told; with one, everything works', async (t) => {
  const directory = t.testdir({ users: '' });
  execFileSync('htpasswd', ['-i', '-5', join(directory, 'users'), 'alice'], { input: 'pa:ss' });
  const options = { directory: join(directory, 'registry'), htpasswd: join(directory, 'users') };
  const { host } = await startTestRegistry(t, options);
  for (const [method, path] of [
    ['GET', '/v2/'],
    ['GET', '/v2/a/tags/list'],
    ['POST', '/v2/a/blobs/uploads/'],
    ['GET', '/nowhere'],
  ] as const) {
    const refused = await send(host, method, path);
    t.equal(refused.status, 401, `${method} ${path}`);
    t.match(refused.headers, { 'www-authenticate': /^Basic realm=/ });
  }
  const wrong = await send(host, 'GET', '/v2/', { headers: { authorization: basic('alice:no') } });
  t.match(wrong, { status: 401 });
  t.match(JSON.parse(wrong.body.toString()), { errors: [{ code: 'UNAUTHORIZED' }] });

  const image = imageOf([layerOf(20_000)]);
  const { client } = testClient({ credential: login('alice', 'pa:ss') });
  t.teardown(() => client.close());
  await pushImage(client, { registry: host, repository: 'apps/hello' }, image, '1');
  const creds = ['--creds', 'alice:pa:ss', '--tls-verify=false'];
  const { stdout } = await promisify(execFile)('skopeo', [
    'inspect',
    ...creds,
    `docker://${host}/apps/hello:1`,
  ]);
  t.equal(JSON.parse(stdout).Digest, image.descriptor.digest);
  const { client: stranger } = testClient();
  t.teardown(() => stranger.close());
  const repository = stranger.repository({ registry: host, repository: 'apps/hello' });
  await t.rejects(repository.resolve('1'), { code: 'REGISTRY_UNAUTHORIZED' });
});

t.test('HTTPS with a certificate of the operator, and nothing else', async (t) => {
  const directory = t.testdir();
  const { certFile, keyFile, caFile } = await makeCertificate(directory, 'registry');
  const tls = { cert: certFile, key: keyFile };
  const { host } = await startTestRegistry(t, { directory: join(directory, 'registry'), tls });
  const image = imageOf([layerOf(20_000)]);
  const { client } = testClient({ settings: { caFiles: [caFile] } });
  t.teardown(() => client.close());
  await pushImage(client, { registry: host, repository: 'apps/hello' }, image, '1');
  const resolved = await client
    .repository({ registry: host, repository: 'apps/hello' })
    .resolve('1');
  t.equal(resolved.digest, image.descriptor.digest);
  await t.rejects(send(host, 'GET', '/v2/'), { code: /ECONNRESET|HPE_INVALID/ }, 'no plain HTTP');
});

t.test('certificates that cannot be used are an error before anything is served', async (t) => {
  const directory = t.testdir({ 'bad.pem': 'no certificate' });
  const bad = join(directory, 'bad.pem');
  for (const tls of [
    { cert: bad, key: bad },
    { cert: join(directory, 'gone'), key: bad },
  ]) {
    await t.rejects(startTestRegistry(t, { directory: join(directory, 'registry'), tls }), {
      code: 'CONFIG_INVALID',
    });
  }
});
