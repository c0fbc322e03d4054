import t from 'tap';
import { parseSource, type SourceSpec } from '../../src/source/index.ts';
import { fc } from '../support/property.ts';
import { failure } from './support.ts';

type Row = readonly [text: string, expected: Record<string, unknown>];

const accepted: readonly Row[] = [
  ['http://example.com/repo.git', { url: 'http://example.com/repo.git', protocol: 'http' }],
  [
    'https://user:pass@host:4000/foo/bar.git?query#frag',
    {
      url: 'https://host:4000/foo/bar.git?query',
      authorization: 'user:pass',
      location: 'https://host:4000/foo/bar.git',
      ref: 'frag',
    },
  ],
  ['https://token@host/foo.git', { authorization: 'token:', location: 'https://host/foo.git' }],
  ['http://1.2.3.4/foo/bar.git', { url: 'http://1.2.3.4/foo/bar.git' }],
  ['http::http://host/foo.git', { url: 'http://host/foo.git', protocol: 'http' }],
  ['https::https://host/foo.git#v1', { url: 'https://host/foo.git', ref: 'v1' }],
  [
    'git@host:foo/bar.git',
    { url: 'git@host:foo/bar.git', protocol: 'ssh', location: 'git@host:foo/bar.git' },
  ],
  ['git@host:/foo/bar.git#main', { url: 'git@host:/foo/bar.git', ref: 'main' }],
  ['host:foo/bar.git', { url: 'host:foo/bar.git', protocol: 'ssh' }],
  ['::ffff:1.2.3.4:foo/bar.git', { url: '::ffff:1.2.3.4:foo/bar.git', protocol: 'ssh' }],
  ['[::1]:foo/bar.git', { url: '[::1]:foo/bar.git', protocol: 'ssh' }],
  [
    'ssh://git@host:22/foo.git#dev',
    { url: 'ssh://git@host:22/foo.git', location: 'ssh://git@host:22/foo.git', ref: 'dev' },
  ],
  ['file:///foo/bar%20baz', { path: '/foo/bar baz', content: 'tree' }],
  ['file:///foo/bar#main', { path: '/foo/bar', ref: 'main', content: 'head' }],
  ['/foo/bar', { path: '/foo/bar', location: '/foo/bar', content: 'tree' }],
  ['./foo:bar', { path: './foo:bar', content: 'tree' }],
  ['foo/bar#v1.0', { path: 'foo/bar', literalPath: 'foo/bar#v1.0', ref: 'v1.0', content: 'head' }],
  ['.', { path: '.', content: 'tree' }],
  ['app.tar.gz', { path: 'app.tar.gz' }],
];

/** The fields of a spec and of its address in one object. */
function flat(spec: SourceSpec): Record<string, unknown> {
  return spec.kind === 'git' ? { ...spec, ...spec.git } : { ...spec };
}

t.test('A1 A2 every accepted form of a source', async (t) => {
  for (const [text, expected] of accepted) t.match(flat(parseSource(text)), expected, text);
  t.same(parseSource('-'), { kind: 'stream', location: '-' });
  t.same(parseSource('-', { contextDir: 'a' }), { kind: 'stream', location: '-', contextDir: 'a' });
});

t.test('A3 rejected forms are errors that say why', async (t) => {
  const rejected: readonly (readonly [string, RegExp])[] = [
    ['', /empty/],
    ['ssh://git@host:org/repo', /host or port/],
    ['file://rel/path', /no host/],
    ['file:///a?b', /no query/],
    ['file://', /absolute path/],
    ['https:///path', /no host/],
    ['https://host\\path', /backslash/],
    ['https://host/%zz#%zz', /percent sign/],
    ['ftp://host/x', /protocol "ftp" is not allowed/],
    ['rsync://host/x', /protocol "rsync" is not allowed/],
    ['git://host/x', /protocol "git" is not allowed/],
    ['git@host:', /path is empty/],
    ['#main', /no path/],
    ['-x', /begins with "-"/],
    ['ssh://git:secret@host/x', /no password/],
  ];
  for (const [text, why] of rejected) {
    const error = await failure(() => parseSource(text));
    t.match(error, { code: 'SOURCE_INVALID', exitCode: 4 }, text);
    t.match(error?.message, why, text);
    t.type(error?.suggestion, 'string');
  }
});

t.test('G02 addresses that would run programs or carry options are refused', async (t) => {
  const hostile = [
    'ext::sh -c touch% /tmp/pwned',
    'fd::7',
    'fd::17,18/foo',
    '--config=core.sshCommand=touch /tmp/pwned',
    '--upload-pack=touch /tmp/pwned',
    'ssh://-oProxyCommand=touch/x',
    'ssh://%2doProxyCommand=touch/x',
    'ssh://-oProxyCommand=x@host/path',
    'ssh://%2dl@host/path',
    '-oProxyCommand=x:path',
    'user@-oProxyCommand=x:path',
    'host:--upload-pack=x',
    ' https://host/x',
    'https://host/x ',
    'https://host/x\n--upload-pack=y',
    'https://host/\u0000x',
    'http::ext::sh -c x',
    'transport::address',
  ];
  for (const text of hostile)
    t.equal((await failure(() => parseSource(text)))?.code, 'SOURCE_INVALID', JSON.stringify(text));
});

t.test('G02 a password is never sent in clear, except on this machine', async (t) => {
  t.equal((await failure(() => parseSource('http://u:p@example.com/x')))?.code, 'SOURCE_INVALID');
  t.match(flat(parseSource('http://u:p@127.0.0.1:8080/x')), { authorization: 'u:p' });
});

t.test('protocols are an allow-list', async (t) => {
  t.match(flat(parseSource('git://host/x', { protocols: ['git'] })), { protocol: 'git' });
  t.equal(
    (await failure(() => parseSource('https://host/x', { protocols: ['ssh'] })))?.code,
    'SOURCE_INVALID',
  );
  t.equal(
    (await failure(() => parseSource('git@host:x', { protocols: ['https'] })))?.code,
    'SOURCE_INVALID',
  );
});

t.test('J5 no credentials in the location, nor in messages', async (t) => {
  const spec = parseSource('https://user:s3cret@host/x.git?access_token=t0ken#main');
  t.notMatch(spec.location, /s3cret|user|t0ken/);
  const error = await failure(() => parseSource('https://user:s3cret@host:bad/x'));
  t.notMatch(error?.message, /s3cret/);
});

t.test('A5 #ref is honoured, and --ref wins over it when it is not empty', async (t) => {
  t.equal(parseSource('https://host/x#dev', { ref: '' }).ref, 'dev');
  t.equal(parseSource('https://host/x#dev', { ref: 'v2' }).ref, 'v2');
  t.equal(parseSource('https://host/x#').ref, undefined);
  t.equal(parseSource('.', { gitHead: true }).ref, undefined);
  t.match(parseSource('.', { gitHead: true }), { content: 'head' });
});

t.test('G01 CVE-2019-13139: refs are plain names or nothing', async (t) => {
  const hostile = [
    '--upload-pack=touch X',
    '-b',
    '--pathspec-from-file=/etc/passwd',
    ':x',
    'a..b',
    '@{-1}',
    'refs/../x',
    'a\nb',
    'a b',
    'x'.repeat(2 ** 20),
    'HEAD~1',
    'a^{}',
    '.hidden',
    'a.lock',
    'a/',
    '/a',
    'a//b',
    '@',
    'a\\b',
    'a?b',
    'a*',
    'a[b',
  ];
  for (const ref of hostile) {
    const error = await failure(() => parseSource('https://host/x', { ref }));
    t.equal(error?.code, 'SOURCE_INVALID', JSON.stringify(ref.slice(0, 40)));
    t.ok((error?.message.length ?? 0) < 500);
  }
  for (const ref of [
    'main',
    'v1.0',
    'feature/x-y',
    'refs/pull/7/head',
    'release@2',
    'ünïcode',
    'a'.repeat(40),
  ])
    t.equal(parseSource('https://host/x', { ref }).ref, ref);
});

t.test('G05 context directories stay inside', async (t) => {
  for (const contextDir of ['../x', 'a/../../x', 'a/./../..', '/etc', 'a\0b', 'a/../b', '..'])
    t.match(
      await failure(() => parseSource('.', { contextDir })),
      { code: 'PATH_UNSAFE', exitCode: 3 },
      contextDir,
    );
  t.equal(parseSource('.', { contextDir: './a//b/' }).contextDir, 'a/b');
  t.equal(parseSource('.', { contextDir: '.' }).contextDir, undefined);
  t.equal(parseSource('.', { contextDir: '/' }).contextDir, undefined);
  t.equal(parseSource('.', { contextDir: '' }).contextDir, undefined);
});

t.test('options that contradict each other are refused, not ignored', async (t) => {
  t.equal((await failure(() => parseSource('.', { copy: true, ref: 'x' })))?.code, 'USAGE_INVALID');
  t.equal(
    (await failure(() => parseSource('.', { copy: true, gitHead: true })))?.code,
    'USAGE_INVALID',
  );
  t.equal((await failure(() => parseSource('-', { ref: 'x' })))?.code, 'USAGE_INVALID');
  t.match(parseSource('a#b', { copy: true }), { path: 'a', content: 'tree' });
});

t.test(
  'whatever the text, parsing gives a spec or a typed error, and git never gets an option',
  async () => {
    const pieces = fc.constantFrom(
      '-',
      '--',
      '::',
      ':',
      '@',
      '#',
      '/',
      '//',
      'https',
      'ssh',
      'file',
      'host',
      '%2d',
      '\n',
      '[',
      ']',
      '.',
    );
    const texts = fc.oneof(
      fc.string(),
      fc
        .array(fc.oneof(pieces, fc.string({ maxLength: 3 })), { maxLength: 8 })
        .map((parts) => parts.join('')),
    );
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const error = await failure(() => {
          const spec = parseSource(text);
          if (spec.kind === 'git' && spec.git.url.startsWith('-')) throw new Error('an option');
          if (spec.ref?.startsWith('-')) throw new Error('an option');
        });
        return error === undefined || error.code === 'SOURCE_INVALID';
      }),
      { numRuns: 2000 },
    );
  },
);
