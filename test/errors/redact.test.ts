/** R09: no credential is in a message, whatever failed. */

import t from 'tap';
import { BuildError, redact } from '../../src/errors/index.ts';
import { fc } from '../support/property.ts';

const secret = 's3cr3t-Pa55word';

t.test('credentials are taken out of text', async (t) => {
  const texts = [
    `cannot clone https://user:${secret}@git.example.com/a.git`,
    `cannot clone https://${secret}@git.example.com/a.git`,
    `cannot clone ssh://git:${secret}@host:22/x`,
    `password with an at sign: https://user:a@${secret}@host/x`,
    `proxy http://user:${secret}@proxy:3128 refused`,
    `GIT+HTTPS://user:${secret}@host/`,
    `Authorization: Basic ${secret}`,
    `authorization: Bearer ${secret}`,
    `{"authorization":"Bearer ${secret}"}`,
    `Proxy-Authorization = ${secret}`,
    `sent bearer ${secret}== to it`,
    `GET https://cdn.example.com/blob?X-Amz-Signature=${secret}&n=1`,
    `GET /token?service=a&password=${secret}`,
    `PUT /upload?_state=${secret}&digest=sha256:abc`,
    `two: https://a:${secret}@x/ and https://b:${secret}@y/`,
  ];
  for (const text of texts) {
    t.notMatch(redact(text), secret, redact(text));
    t.match(redact(text), '***');
  }
});

t.test('what is no credential stays', async (t) => {
  const texts = [
    'https://registry.example.com/v2/a/manifests/1',
    'GET /token?service=registry&scope=repository:a/b:pull',
    'PUT /upload?digest=sha256:abc',
    'mail user@example.com about it',
    'registry.example.com/a/b@sha256:abc is not there',
    'the basic idea',
    'https://host/path@1.2.3/file',
  ];
  for (const text of texts) t.equal(redact(text), text);
});

t.test('an error is redacted when it is made', async (t) => {
  const error = new BuildError('SOURCE_FETCH_FAILED', `no: https://u:${secret}@h/`, {
    suggestion: `try https://u:${secret}@h/`,
  });
  t.notMatch(JSON.stringify(error), secret);
  t.notMatch(String(error.stack), secret);
});

t.test('property: user information of a URL never remains', async (t) => {
  const word = fc.string({
    unit: fc.constantFrom('a', 'B', '7', '-', '.', '_', '%', '!', '@', ':', '+'),
    maxLength: 12,
  });
  fc.assert(
    fc.property(word, word, (user, password) => {
      const shown = redact(`x https://${user}:${secret}${password}@host.example/p y`);
      return !shown.includes(secret) && shown.endsWith('@host.example/p y');
    }),
  );
  t.pass('for 100 URLs');
});

t.test('long text without credentials comes back unchanged', async (t) => {
  for (const unit of ['a', 'a.', '://', 'a:', '@', '?a=', 'authorization', 'bearer ', ' ']) {
    const text = unit.repeat(50_000 / unit.length);
    t.type(redact(text), 'string', JSON.stringify(unit));
  }
});
