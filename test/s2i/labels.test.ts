import t from 'tap';
import {
  applicationConfigChanges,
  callbackBody,
  generatedLabels,
  labelsFrom,
  manifestAnnotations,
  mergeLabels,
  parseImageMetadata,
  planRebuild,
  shortSubject,
} from '../../src/s2i/index.ts';
import { execution, failure } from './support.ts';

const commit = {
  id: 'c0ffee'.padEnd(40, '0'),
  authorName: 'Ada',
  authorEmail: 'ada@example.com',
  date: 'Fri Nov 20 17:22:03 2026 +0000',
  subject: 'Say hello',
};
const builder = 'docker.io/library/node:24';

t.test('J1 the exact set for a copy', async (t) => {
  t.strictSame(
    { ...generatedLabels({ builder, displayName: 'app', source: { location: './src' } }) },
    {
      'io.k8s.display-name': 'app',
      'io.openshift.s2i.build.image': builder,
      'io.openshift.s2i.build.source-location': './src',
    },
  );
});

t.test('J2 J3 J4 the exact set for git, with context directory and ref', async (t) => {
  const source = { location: 'https://host/x', contextDir: 'a/b', ref: 'main', commit };
  t.strictSame(
    { ...generatedLabels({ builder, displayName: 'app', description: 'An app', source }) },
    {
      'io.k8s.display-name': 'app',
      'io.k8s.description': 'An app',
      'io.openshift.s2i.build.image': builder,
      'io.openshift.s2i.build.source-location': 'https://host/x',
      'io.openshift.s2i.build.source-context-dir': 'a/b',
      'io.openshift.s2i.build.commit.author': 'Ada <ada@example.com>',
      'io.openshift.s2i.build.commit.date': commit.date,
      'io.openshift.s2i.build.commit.id': commit.id,
      'io.openshift.s2i.build.commit.ref': 'main',
      'io.openshift.s2i.build.commit.message': 'Say hello',
    },
  );
  t.ok(
    Object.keys(generatedLabels({ builder, namespace: 'io.openshift.build.' })).every((name) =>
      name.startsWith('io.openshift.build.'),
    ),
  );
});

t.test('a modified working tree claims no commit', async (t) => {
  t.strictSame(
    Object.keys(
      generatedLabels({ builder, source: { location: '.', ref: 'main', commit, modified: true } }),
    ),
    ['io.openshift.s2i.build.image', 'io.openshift.s2i.build.source-location'],
  );
});

t.test('J3 messages are cut to 80 characters, the last two dots [G]', async (t) => {
  t.equal(shortSubject('x'.repeat(80)), 'x'.repeat(80));
  t.equal(shortSubject('x'.repeat(81)), `${'x'.repeat(78)}..`);
  t.equal(shortSubject('😀'.repeat(81)), `${'😀'.repeat(78)}..`);
});

t.test('labels merge from the weakest to the strongest', async (t) => {
  const merged = mergeLabels(
    { a: 'builder', b: 'builder', c: 'builder' },
    { a: 'generated', b: 'generated' },
    { a: 'user' },
  );
  t.strictSame({ ...merged }, { a: 'user', b: 'generated', c: 'builder' });
  const odd = mergeLabels(labelsFrom([['__proto__', 'x']]), {
    constructor: 'y',
  } as unknown as Record<string, string>);
  t.same(Object.entries(odd), [
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
});

t.test('J6 labels larger than 10240 bytes together are refused', async (t) => {
  t.equal(
    failure(() => mergeLabels({ k: 'x'.repeat(10_239) })),
    undefined,
  );
  t.match(
    failure(() => mergeLabels({ k: 'x'.repeat(10_240) })),
    { code: 'LIMIT_EXCEEDED', exitCode: 3, details: { bytes: 10_241 } },
  );
  t.match(
    failure(() => mergeLabels({ k: 'ü'.repeat(5_120) })),
    { code: 'LIMIT_EXCEEDED' },
    'bytes, not characters',
  );
});

t.test('J6 image_metadata.json', async (t) => {
  const parse = (text: string) => parseImageMetadata(Buffer.from(text));
  t.strictSame(
    { ...parse('{"labels":[{"a":"1"},{"b":"2","c":""},{"a":"3"}]}') },
    { a: '3', b: '2', c: '' },
  );
  for (const text of [
    '{}',
    '{"labels":[]}',
    '{"labels":null}',
    '{"other":1}',
    ' {"labels":[{}]}\n',
  ])
    t.strictSame({ ...parse(text) }, {}, text);
  for (const text of [
    '',
    'null',
    '[]',
    '"x"',
    '{',
    '{"labels":{}}',
    '{"labels":"x"}',
    '{"labels":["x"]}',
    '{"labels":[null]}',
    '{"labels":[{"a":1}]}',
    '{"labels":[{"a":null}]}',
    '{"labels":[{"a":{}}]}',
    '{"labels":[{"":"x"}]}',
    '{"labels":[],"labels":[]}',
    '\u00ff',
  ])
    t.match(
      failure(() => parse(text)),
      { code: 'BUILDER_INVALID', exitCode: 8, message: /image_metadata\.json/ },
      text,
    );
  t.match(
    failure(() => parseImageMetadata(Buffer.from([0xff]))),
    { code: 'BUILDER_INVALID' },
  );
  t.match(
    failure(() => parse(' '.repeat(300_000))),
    { code: 'LIMIT_EXCEEDED' },
  );
  t.strictSame(Object.entries(parse('{"labels":[{"__proto__":"x"}]}')), [['__proto__', 'x']]);
});

t.test('annotations of the manifest', async (t) => {
  const base = {
    builder,
    builderDigest: 'sha256:x',
    created: '2026-11-20T18:00:00Z',
    displayName: 'app',
  };
  t.strictSame(
    { ...manifestAnnotations({ ...base, source: { location: 'https://host/x', commit } }) },
    {
      'org.opencontainers.image.created': '2026-11-20T18:00:00Z',
      'org.opencontainers.image.title': 'app',
      'org.opencontainers.image.source': 'https://host/x',
      'org.opencontainers.image.revision': commit.id,
      'org.opencontainers.image.base.name': builder,
      'org.opencontainers.image.base.digest': 'sha256:x',
    },
  );
  const local = manifestAnnotations({
    ...base,
    source: { location: '/home/me/app', commit, modified: true },
  });
  t.notOk(
    'org.opencontainers.image.source' in local,
    'a path of a machine is no source for others',
  );
  t.notOk('org.opencontainers.image.revision' in local);
  t.ok(
    'org.opencontainers.image.source' in
      manifestAnnotations({ ...base, source: { location: 'git@host:x' } }),
  );
});

t.test(
  "E2 D10 the application image: command in exec form, everything else the builder's",
  async (t) => {
    const changes = applicationConfigChanges({
      builder: execution({ env: ['PATH=/bin', 'A=1'], user: '1001', entrypoint: ['e'] }),
      runPath: '/usr/libexec/s2i/run',
      environment: ['A=2'],
      labels: { l: 'v' },
    });
    t.strictSame(changes, {
      Cmd: ['/usr/libexec/s2i/run'],
      Env: ['A=2', 'PATH=/bin'],
      Labels: { l: 'v' },
    });
    t.match(
      applicationConfigChanges({
        builder: execution({ onBuild: ['RUN x'] }),
        runPath: '/run',
        environment: [],
        labels: {},
      }),
      { OnBuild: [] },
      'instructions that ran do not run again',
    );
  },
);

t.test('K1 K3 the callback', async (t) => {
  t.equal(callbackBody({ success: false }), '{"success":false}\n');
  t.equal(callbackBody({ success: false }).length, 18, '[G]');
  t.same(
    JSON.parse(
      callbackBody({
        success: true,
        labels: labelsFrom([['a', 'b']]),
        image: 'r/x@sha256:1',
        digest: 'sha256:1',
      }),
    ),
    { success: true, labels: { a: 'b' }, image: 'r/x@sha256:1', digest: 'sha256:1' },
  );
});

t.test('P3 rebuild: what the labels say, the commit pinned', async (t) => {
  const labels = generatedLabels({
    builder,
    source: { location: 'https://host/x', contextDir: 'a', ref: 'main', commit },
  });
  t.same(planRebuild(labels), {
    builder,
    source: 'https://host/x',
    contextDir: 'a',
    ref: commit.id,
  });
  t.same(planRebuild(generatedLabels({ builder, source: { location: './x' } })), {
    builder,
    source: './x',
  });
  const openshift = generatedLabels({
    builder,
    namespace: 'io.openshift.build.',
    source: { location: 'u', ref: 'r', commit: { ...commit, id: '' } },
  });
  t.same(planRebuild(openshift), { builder, source: 'u', ref: 'r' });
  t.match(
    failure(() => planRebuild({})),
    { code: 'BUILDER_INVALID', message: /label io\.openshift\.s2i\.build\.image/ },
  );
  t.match(
    failure(() => planRebuild(generatedLabels({ builder }))),
    { message: /source-location/ },
  );
});
