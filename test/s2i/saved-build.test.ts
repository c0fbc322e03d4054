import t from 'tap';
import {
  formatSavedBuild,
  parseSavedBuild,
  type SavedBuild,
  savedBuildMode,
} from '../../src/s2i/index.ts';
import { fc } from '../support/property.ts';
import { failure } from './support.ts';

const base: SavedBuild = {
  source: '.',
  builderImage: 'node:24',
  tag: 'app',
  flags: {},
  env: [],
  omitted: [],
};

t.test('P6 .s2ifile: what was saved comes back', async (t) => {
  const build = {
    ...base,
    flags: { 'context-dir': ['a'], inject: ['/a:/b', '/c:/d'], copy: ['true'] },
    env: ['A=1', 'B=x=y', 'C='],
  };
  const { text, omitted } = formatSavedBuild(build);
  t.same(omitted, []);
  t.same(parseSavedBuild(text, '.s2ifile'), build);
  t.match(JSON.parse(text), {
    source: '.',
    builderImage: 'node:24',
    tag: 'app',
    flags: { copy: 'true', 'env-0': 'A=1' },
  });
  t.equal(savedBuildMode, 0o600);
});

t.test('P6 .s2ifile holds no secrets, and says what it left out', async (t) => {
  const { text, omitted } = formatSavedBuild({
    ...base,
    source: 'https://user:s3cret@host/x.git#main',
    flags: {
      'scripts-url': ['https://u:s3cret@host/x'],
      'callback-url': ['https://s3cret@host/cb'],
      'registry-token': ['s3cret'],
    },
    env: [
      'NPM_TOKEN=s3cret',
      'db_password=s3cret',
      'HTTPS_PROXY=http://u:s3cret@proxy:3128',
      'GH=ghp_s3cret',
      'API_KEY=s3cret',
      'NODE_ENV=production',
      'KEYBOARD=us',
    ],
  });
  t.notMatch(text, /s3cret/);
  t.same(omitted, ['NPM_TOKEN', 'db_password', 'HTTPS_PROXY', 'GH', 'API_KEY', '--registry-token']);
  const read = parseSavedBuild(text, '.s2ifile');
  t.same(read.env, ['NODE_ENV=production', 'KEYBOARD=us']);
  t.equal(read.source, 'https://host/x.git#main');
  t.same(read.omitted, omitted);
  t.match(formatSavedBuild({ ...base, source: 'ssh://git@host/x' }).text, /ssh:\/\/git@host\/x/);
});

t.test('P6 a file that source-to-image wrote is read', async (t) => {
  const text =
    '{"source":"./app","builderImage":"img","tag":"t","flags":{"env-1":"B=2","env-0":"A=1","env-10":"C=3","incremental":"true"}}';
  t.same(parseSavedBuild(text, '.stifile'), {
    source: './app',
    builderImage: 'img',
    tag: 't',
    flags: { incremental: ['true'] },
    env: ['A=1', 'B=2', 'C=3'],
    omitted: [],
  });
});

t.test('a file that is broken is an error of configuration', async (t) => {
  for (const text of [
    '',
    '[]',
    '{"source":1}',
    '{"flags":[]}',
    '{"flags":{"a":1}}',
    '{"source":"a","source":"b"}',
    '{"omitted":[1]}',
  ])
    t.match(
      failure(() => parseSavedBuild(text, '.s2ifile')),
      { code: 'CONFIG_INVALID', exitCode: 2 },
      text,
    );
});

t.test('any variables without secrets come back as they were', async () => {
  const entry = fc
    .tuple(
      fc.stringMatching(/^[A-F]{1,4}$/),
      fc.string().filter((text) => !text.includes('@')),
    )
    .map((parts) => parts.join('='));
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 15 }), (env) => {
      const read = parseSavedBuild(formatSavedBuild({ ...base, env }).text, 'x');
      return JSON.stringify(read.env) === JSON.stringify(env);
    }),
  );
});
