/** References: items 1 and 2 of the registry checklist, R13 of the security catalogue. */

import t from 'tap';
import {
  formatReference,
  isRepository,
  isTag,
  manifestSelector,
  parseReference,
  withDefaultTag,
} from '../../src/model/index.ts';
import { fc } from '../support/property.ts';

const digest = `sha256:${'a'.repeat(64)}`;

type Parts = readonly [string, string, (string | undefined)?, (string | undefined)?];

const good: Readonly<Record<string, Parts>> = {
  'example.com/app': ['example.com', 'app'],
  'example.com/app:1': ['example.com', 'app', '1'],
  'example.com:5000/team/app:v1.2-rc_3': ['example.com:5000', 'team/app', 'v1.2-rc_3'],
  [`example.com/app@${digest}`]: ['example.com', 'app', undefined, digest],
  [`example.com/app:1@${digest}`]: ['example.com', 'app', '1', digest],
  'localhost/app': ['localhost', 'app'],
  'localhost:5000/app:1': ['localhost:5000', 'app', '1'],
  '127.0.0.1:5000/a/b/c': ['127.0.0.1:5000', 'a/b/c'],
  '[::1]:5000/app:1': ['[::1]:5000', 'app', '1'],
  '[2001:db8::1]/app': ['[2001:db8::1]', 'app'],
  'Example.com/app': ['Example.com', 'app'],
  'Host/app': ['Host', 'app'],
  'a.b-c.d/x__y/z.w/a---b': ['a.b-c.d', 'x__y/z.w/a---b'],
  ubuntu: ['docker.io', 'library/ubuntu'],
  'ubuntu:24.04': ['docker.io', 'library/ubuntu', '24.04'],
  'team/app': ['docker.io', 'team/app'],
  'docker.io/ubuntu': ['docker.io', 'library/ubuntu'],
  'index.docker.io/team/app': ['docker.io', 'team/app'],
  'registry-1.docker.io/library/x': ['docker.io', 'library/x'],
  'localhost:5000': ['docker.io', 'library/localhost', '5000'],
};

for (const [text, [registry, repository, tag, wanted]] of Object.entries(good)) {
  t.test(`items 1 and 2: ${text}`, async (t) => {
    t.same(parseReference(text), {
      registry,
      repository,
      ...(tag === undefined ? {} : { tag }),
      ...(wanted === undefined ? {} : { digest: wanted }),
    });
  });
}

const bad = [
  ...['', ' ', 'App', 'example.com/App', 'example.com/team/App:1', 'a/B/c'],
  ...['example.com/', 'example.com//app', '/app', 'app/', 'example.com/app:', 'example.com/app:-x'],
  ...['example.com/app:.x', `example.com/app:${'t'.repeat(129)}`, 'example.com/app:a b', 'app:1:2'],
  ...['example.com/app@', 'example.com/app@sha256:abc', `example.com/app@${digest}@${digest}`],
  ...[`app@sha256:${'A'.repeat(64)}`, 'app@md5:abc', 'app@sha512:00', '@', ':', 'app@'],
  ...['example.com:99999/app', 'example.com:0/app', 'example.com:/app', 'example.com:port/app'],
  ...['exa_mple.com/app', '-example.com/app', 'example-.com/app', 'example..com/app', '[::1/app'],
  ...['https://example.com/app', 'user@example.com/app', 'example.com/../app', 'example.com/app?x'],
  ...[
    'example.com/-app',
    'example.com/app-',
    'example.com/a.-b',
    'example.com/a..b',
    'example.com/a___b',
  ],
  ...['repo:--tag', '-x', 'app\n', 'app\u0000', 'аpp', 'app:tag\u001b[0m', '[]/app', '[::1]x/app'],
];

for (const text of bad) {
  t.test(`item 1: refused: ${JSON.stringify(text).slice(0, 60)}`, async (t) => {
    t.throws(() => parseReference(text), { code: 'REFERENCE_INVALID', exitCode: 2 });
  });
}

t.test('item 1: the name may have 255 characters', async (t) => {
  const host = 'example.com/';
  t.ok(parseReference(host + 'a'.repeat(255 - host.length)));
  t.throws(() => parseReference(host + 'a'.repeat(256 - host.length)));
});

t.test('item 1: the digest wins over the tag', async (t) => {
  t.equal(manifestSelector(parseReference(`app:1@${digest}`)), digest);
  t.equal(manifestSelector(parseReference('app:1')), '1');
  t.equal(manifestSelector(parseReference('app')), 'latest');
  t.equal(withDefaultTag(parseReference('app')).tag, 'latest');
  t.equal(withDefaultTag(parseReference(`app@${digest}`)).tag, undefined);
});

const component = fc.stringMatching(/^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/, { size: 'small' });
const host = fc.constantFrom(
  'example.com',
  'example.com:5000',
  'localhost',
  '[::1]:5000',
  'docker.io',
);
const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/);

t.test('item 1: what is written is read again, for any reference', async (t) => {
  fc.assert(
    fc.property(
      host,
      fc.array(component, { minLength: 1, maxLength: 4 }),
      fc.option(tag),
      fc.boolean(),
      (registry, parts, tagText, withDigest) => {
        const repository = parts.join('/');
        fc.pre(registry.length + 1 + repository.length <= 240);
        const text = `${registry}/${repository}${tagText === null ? '' : `:${tagText}`}${withDigest ? `@${digest}` : ''}`;
        const parsed = parseReference(text);
        t.ok(isRepository(parsed.repository));
        return formatReference(parseReference(formatReference(parsed))) === formatReference(parsed);
      },
    ),
    { numRuns: 500 },
  );
});

t.test('item 1: any text is read or refused, and what is read is harmless in a path', async (t) => {
  const piece = fc.constantFrom(
    'a',
    'B',
    '0',
    '.',
    '_',
    '-',
    '/',
    ':',
    '@',
    '[',
    ']',
    '%',
    '\n',
    digest,
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      try {
        const { repository, tag: found } = parseReference(pieces.join(''));
        return (
          isRepository(repository) &&
          (found === undefined || isTag(found)) &&
          !repository.includes('..')
        );
      } catch (error) {
        return (error as { code?: string }).code === 'REFERENCE_INVALID';
      }
    }),
    { numRuns: 5000 },
  );
  t.pass();
});

t.test('item 1: R13 hostile texts are judged in linear time', async (t) => {
  const texts = [
    `${'a'.repeat(28)}!`,
    `${'a-'.repeat(400)}!`,
    'a'.repeat(4096),
    `${'a/'.repeat(500)}`,
    `${'-'.repeat(1000)}a`,
    `a${'-'.repeat(1000)}`,
    `${'a__'.repeat(300)}_`,
  ];
  for (const text of texts) {
    const before = performance.now();
    for (let i = 0; i < 20; i += 1) t.throws(() => parseReference(text));
    t.ok((performance.now() - before) / 20 < 5);
  }
});
