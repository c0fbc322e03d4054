import t from 'tap';
import {
  environmentValue,
  imageEnvironment,
  maxEnvironmentFileSize,
  mergeEnvironment,
  parseEnvironmentFile,
  parseVariable,
  scriptEnvironment,
  sourceEnvironmentFormat,
  userEnvironmentFormat,
} from '../../src/s2i/index.ts';
import { fc } from '../support/property.ts';
import { execution, failure } from './support.ts';

const parse = (text: string) => parseEnvironmentFile(text, sourceEnvironmentFormat);

t.test('C1 C4 .s2i/environment: comments, space, quotes, no expansion', async (t) => {
  const text = [
    '# comment',
    'FOO=bar',
    '  SPACE  =  around it  ',
    '',
    '   ',
    'Q="quoted v"',
    "S='x'",
    'EMPTY=',
    'EQ=a=b=c',
    'EXP=$FOO $(x)',
    ' # no comment=1',
    'UNI=ü',
  ].join('\n');
  t.same(parse(text).entries, [
    'FOO=bar',
    'SPACE=around it',
    'Q="quoted v"',
    "S='x'",
    'EMPTY=',
    'EQ=a=b=c',
    'EXP=$FOO $(x)',
    'UNI=ü',
  ]);
});

t.test('C5 CR is stripped, and a byte order mark', async (t) => {
  t.same(parse('\ufeffA=1\r\nB=2\r\n\r\n# c\r\n').entries, ['A=1', 'B=2']);
});

t.test('G09 lines that mean nothing are skipped and said', async (t) => {
  const { entries, warnings } = parse(
    'novalue\n=x\nexport A=1\n__proto__=1\nLD_PRELOAD=/x.so\nB=2',
  );
  t.same(entries, ['__proto__=1', 'LD_PRELOAD=/x.so', 'B=2']);
  t.match(warnings, [/line 1.*no "="/, /line 2.*no name/, /line 3.*no "export"/]);
  t.match(
    failure(() => parse('A=\0')),
    { code: 'SOURCE_INVALID' },
  );
  t.equal(({} as Record<string, unknown>)['1'], undefined);
});

t.test('C6 long lines: up to what the kernel takes, then an error', async (t) => {
  const line = `A=${'x'.repeat(100_000)}`;
  t.same(parse(line).entries, [line]);
  t.match(
    failure(() => parse(`A=${'x'.repeat(128 * 1024)}`)),
    { code: 'LIMIT_EXCEEDED', exitCode: 3 },
  );
  t.match(
    failure(() => parse('#'.repeat(maxEnvironmentFileSize + 1))),
    { code: 'LIMIT_EXCEEDED' },
  );
  t.equal(parse(`${'A=1\n'.repeat(200_000)}`).entries.length, 200_000);
});

t.test('environment files of users have // comments, too', async (t) => {
  t.same(parseEnvironmentFile('// c\n# c\nA=1', userEnvironmentFormat('x.env')).entries, ['A=1']);
  t.match(
    failure(() => parseEnvironmentFile('\0', userEnvironmentFormat('x.env'))),
    { code: 'USAGE_INVALID', message: /x\.env/ },
  );
});

t.test('-e: one variable each, whatever is in its value', async (t) => {
  const rows: readonly (readonly [string, string])[] = [
    ['FOO=bar', 'FOO=bar'],
    ['FOO=', 'FOO='],
    ['FOO=a=b', 'FOO=a=b'],
    ['FOO=a,BAR=b', 'FOO=a,BAR=b'],
    [' FOO = bar ', 'FOO=bar'],
    ['foo.bar-baz=1', 'foo.bar-baz=1'],
    ['FOO=a\nb', 'FOO=a\nb'],
  ];
  for (const [text, expected] of rows) t.equal(parseVariable(text), expected);
  for (const text of ['FOO', '', '=x', ' =x', 'A B=c', 'A=\0'])
    t.match(
      failure(() => parseVariable(text)),
      { code: 'USAGE_INVALID', exitCode: 2 },
      JSON.stringify(text),
    );
  t.notMatch(failure(() => parseVariable('A B=s3cret'))?.message, 's3cret');
});

t.test('C2 C3 file before -e before -E, without duplicates', async (t) => {
  t.same(mergeEnvironment(['A=file', 'B=file'], ['A=flag', 'C=flag'], ['C=file2']), [
    'A=flag',
    'B=file',
    'C=file2',
  ]);
  t.same(mergeEnvironment(['A=1', 'A=2', 'A=3']), ['A=3']);
  t.same(mergeEnvironment(['A', 'A=1']), ['A=1']);
  t.equal(environmentValue(['A=1', 'A=2=3'], 'A'), '2=3');
  t.equal(environmentValue(['AB=1'], 'A'), undefined);
});

t.test(
  "[G] the image has the build's variables first, then the builder's that they do not replace",
  async (t) => {
    t.same(imageEnvironment(['PATH=/bin', 'A=base', 'B=base'], ['A=mine', 'C=mine']), [
      'A=mine',
      'C=mine',
      'PATH=/bin',
      'B=base',
    ]);
    t.same(imageEnvironment(['A=1', 'A=2'], []), ['A=2']);
  },
);

t.test(
  "F2 what a script sees: the image's, then the build's; HOME and PATH where both lack them",
  async (t) => {
    const of = (
      env: readonly string[],
      given: readonly string[] = [],
      home?: string,
      buildOnly: readonly string[] = [],
    ) =>
      scriptEnvironment({
        execution: execution({ env }),
        given,
        buildOnly,
        ...(home === undefined ? {} : { home }),
      });
    const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    t.same(of([]), [path, 'HOME=/']);
    t.same(of(['X=1'], [], '/home/app'), [path, 'HOME=/home/app', 'X=1']);
    t.same(of(['HOME=/opt', 'PATH=/x'], ['X=2'], '/home/app', ['X=3', 'Y=4']), [
      'PATH=/x',
      'HOME=/opt',
      'X=3',
      'Y=4',
    ]);
  },
);

t.test('merged lists have each name once, and the last value of it', async () => {
  const entry = fc
    .tuple(fc.constantFrom('A', 'B', '__proto__', 'constructor', ''), fc.string())
    .map(([name, value]) => `${name}=${value}`);
  fc.assert(
    fc.property(fc.array(fc.array(entry)), (lists) => {
      const merged = mergeEnvironment(...lists);
      const names = merged.map((item) => item.split('=', 1)[0] ?? '');
      const all = lists.flat();
      return (
        new Set(names).size === names.length &&
        names.every((name) => environmentValue(merged, name) === environmentValue(all, name)) &&
        all.every((item) => names.includes(item.split('=', 1)[0] ?? ''))
      );
    }),
  );
});
