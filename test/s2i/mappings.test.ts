import t from 'tap';
import { parseInjections, parseRuntimeArtifacts } from '../../src/s2i/index.ts';
import { failure } from './support.ts';

t.test('H1 H4 injections: lists, quotes, the last colon, the working directory', async (t) => {
  const of = (...values: string[]) => parseInjections(values, '/opt/app');
  t.same(of('/src:/dst'), [{ source: '/src', target: '/dst' }]);
  t.same(of('/src'), [{ source: '/src', target: '/opt/app' }]);
  t.same(of('/src:'), [{ source: '/src', target: '/opt/app' }]);
  t.same(of('/src:rel/x'), [{ source: '/src', target: '/opt/app/rel/x' }]);
  t.same(of('C:/x:/dst'), [{ source: 'C:/x', target: '/dst' }]);
  t.same(of('./a:/x/ ; "b:/y";', "'c d:/z'"), [
    { source: './a', target: '/x' },
    { source: 'b', target: '/y' },
    { source: 'c d', target: '/z' },
  ]);
  t.same(of('', ';'), []);
});

t.test(
  'G07 CVE-2024-7387: injections do not leave their place, nor hold special characters',
  async (t) => {
    const hostile = [...'*?"<>|%#$!+{}&[],`'].map((character) => `/src:/d${character}st`);
    for (const value of [
      ...hostile,
      ':/dst',
      '/src:../x',
      '/src:/a/../../b',
      '/s\nrc:/dst',
      '/src:/d\0st',
      "/s'rc:/dst",
    ])
      t.match(
        failure(() => parseInjections([value], '/')),
        { code: 'USAGE_INVALID', exitCode: 2 },
        JSON.stringify(value),
      );
  },
);

t.test('I1 I2 runtime artifacts: of the flag, else of the label', async (t) => {
  t.same(parseRuntimeArtifacts(['/a:b', '/c;/d/:x/y/'], '/label'), [
    { source: '/a', destination: 'b' },
    { source: '/c', destination: '.' },
    { source: '/d', destination: 'x/y' },
  ]);
  t.same(parseRuntimeArtifacts([], ' /a ; "/b:c" ;'), [
    { source: '/a', destination: '.' },
    { source: '/b', destination: 'c' },
  ]);
  t.match(
    failure(() => parseRuntimeArtifacts([], undefined)),
    { code: 'USAGE_INVALID', message: /no runtime artifacts to copy were specified/ },
  );
  t.match(
    failure(() => parseRuntimeArtifacts([], '')),
    { code: 'USAGE_INVALID' },
  );
});

t.test('I1 artifacts that are refused', async (t) => {
  for (const value of [
    'relative',
    '/a*',
    '/a?',
    '/[a]',
    '/a:/abs',
    '/a:../x',
    '/a:x/../../y',
    '/a/../b',
    '/a:b\nc',
    ':b',
  ]) {
    t.match(
      failure(() => parseRuntimeArtifacts([value], undefined)),
      { code: 'USAGE_INVALID' },
      value,
    );
    t.match(
      failure(() => parseRuntimeArtifacts([], value)),
      { code: 'BUILDER_INVALID' },
      value,
    );
  }
});
