import t from 'tap';
import {
  checkSuppliedScripts,
  type DockerfileInput,
  generateDockerfile,
  imageScriptsDirectory,
  parseScriptsUrl,
  type ScriptName,
} from '../../src/s2i/index.ts';
import { failure } from './support.ts';

const image = (path: string) => ({ kind: 'image', path }) as const;
const base: DockerfileInput = {
  builder: 'docker.io/centos/nodejs-8-centos7',
  destination: '/tmp',
  supplied: new Set(),
  labels: {},
  environment: [],
  injections: [],
};

/** The lines of a Dockerfile. */
function lines(input: Partial<DockerfileInput>): readonly string[] {
  return generateDockerfile({ ...base, ...input })
    .trimEnd()
    .split('\n');
}

const supplied = (...names: ScriptName[]): { supplied: ReadonlySet<ScriptName> } => ({
  supplied: new Set(names),
});
const http = parseScriptsUrl('https://example.com/s', { from: 'user', what: '--scripts-url' });

t.test('L1 Build: the plain form', async (t) => {
  t.same(lines({}), [
    'FROM docker.io/centos/nodejs-8-centos7',
    'COPY --chown=1001:0 upload/src /tmp/src',
    'USER 1001',
    'RUN /usr/libexec/s2i/assemble',
    'CMD ["/usr/libexec/s2i/run"]',
  ]);
});

/** The upstream cases, by name: what has to be among the lines, and what not. */
const cases: Readonly<
  Record<string, readonly [Partial<DockerfileInput>, readonly string[], RegExp?]>
> = {
  DefaultDockerfile: [{}, ['RUN /usr/libexec/s2i/assemble']],
  Env: [{ environment: ['A=1', 'B=x "y" $z \\'] }, ['ENV A="1" \\', '    B="x \\"y\\" \\$z \\\\"']],
  Labels: [
    { labels: { 'io.k8s.display-name': 'my app', 'io.openshift.s2i.build.image': 'x' } },
    ['LABEL "io.k8s.display-name"="my app" \\', '      "io.openshift.s2i.build.image"="x"'],
  ],
  Injections: [
    {
      injections: [
        { source: '/work/secrets', target: '/run/secrets' },
        { source: '/work/f', target: '/opt/f' },
      ],
    },
    [
      'RUN --mount=type=bind,source=upload/injections/work/secrets,target=/run/secrets --mount=type=bind,source=upload/injections/work/f,target=/opt/f /usr/libexec/s2i/assemble',
    ],
    /COPY.*injections|RUN rm/,
  ],
  ScriptsURLAssemble: [
    { scriptsUrl: http, ...supplied('assemble') },
    [
      'COPY --chown=1001:0 upload/scripts /tmp/scripts',
      'RUN /tmp/scripts/assemble',
      'CMD ["/usr/libexec/s2i/run"]',
    ],
  ],
  ScriptsURLRun: [
    { scriptsUrl: http, ...supplied('run') },
    ['RUN /usr/libexec/s2i/assemble', 'CMD ["/tmp/scripts/run"]'],
  ],
  ScriptsURLImage: [
    { scriptsUrl: image('/usr/custom') },
    ['RUN /usr/custom/assemble', 'CMD ["/usr/custom/run"]'],
    /COPY.*scripts/,
  ],
  SourceScriptsAssemble: [
    supplied('assemble'),
    [
      'COPY --chown=1001:0 upload/scripts /tmp/scripts',
      'RUN /tmp/scripts/assemble',
      'CMD ["/usr/libexec/s2i/run"]',
    ],
  ],
  SourceScriptsRun: [
    supplied('run'),
    ['RUN /usr/libexec/s2i/assemble', 'CMD ["/tmp/scripts/run"]'],
  ],
  ImageScriptsURLAssemble: [
    { imageScriptsUrl: image('/usr/custom') },
    ['RUN /usr/custom/assemble'],
  ],
  ImageScriptsURLRun: [{ imageScriptsUrl: image('/usr/custom') }, ['CMD ["/usr/custom/run"]']],
  ImageScriptsURLImage: [
    { imageScriptsUrl: image('/usr/custom'), ...supplied('assemble') },
    ['RUN /tmp/scripts/assemble', 'CMD ["/usr/custom/run"]'],
  ],
  ScriptsAndImageURL: [
    { scriptsUrl: http, imageScriptsUrl: image('/usr/custom'), ...supplied('assemble') },
    ['RUN /tmp/scripts/assemble', 'CMD ["/usr/custom/run"]'],
  ],
  ScriptsAndImageURLConflicts: [
    { scriptsUrl: image('/first'), imageScriptsUrl: image('/second') },
    ['RUN /first/assemble', 'CMD ["/first/run"]'],
  ],
  IncrementalBuild: [
    { previousImage: 'test:tag' },
    [
      'FROM test:tag AS cached',
      'RUN if [ -s /usr/libexec/s2i/save-artifacts ]; then /usr/libexec/s2i/save-artifacts > /tmp/artifacts.tar; else touch /tmp/artifacts.tar; fi',
      'RUN --mount=type=bind,from=cached,source=/tmp/artifacts.tar,target=/tmp/artifacts.tar if [ -s /tmp/artifacts.tar ]; then mkdir -p /tmp/artifacts && tar -xf /tmp/artifacts.tar -C /tmp/artifacts; fi && /usr/libexec/s2i/assemble',
    ],
    /COPY --from=cached/,
  ],
  IncrementalSourceSave: [
    { previousImage: 'test:tag', ...supplied('save-artifacts') },
    [
      'COPY --chown=1001:0 upload/scripts/save-artifacts /tmp/scripts/save-artifacts',
      'RUN if [ -s /tmp/scripts/save-artifacts ]; then /tmp/scripts/save-artifacts > /tmp/artifacts.tar; else touch /tmp/artifacts.tar; fi',
    ],
  ],
  IncrementalSaveURL: [
    { previousImage: 'test:tag', scriptsUrl: http, ...supplied('save-artifacts') },
    ['COPY --chown=1001:0 upload/scripts/save-artifacts /tmp/scripts/save-artifacts'],
  ],
  IncrementalTag: [{ previousImage: 'incremental:tag' }, ['FROM incremental:tag AS cached']],
  IncrementalAssembleUser: [
    { previousImage: 'test:tag', assembleUser: '2250' },
    ['USER 2250', 'COPY --chown=2250:0 upload/src /tmp/src'],
  ],
  LocalSource: [{}, ['COPY --chown=1001:0 upload/src /tmp/src']],
};

t.test('L2 the upstream cases', async (t) => {
  for (const [name, [input, expected, never]] of Object.entries(cases)) {
    const actual = lines(input);
    for (const line of expected)
      t.ok(actual.includes(line), `${name}: ${line}\n${actual.join('\n')}`);
    if (never !== undefined) t.notMatch(actual.join('\n'), never, name);
  }
});

t.test('L2 ScriptsURLNone: a scripts URL with nothing at it', async (t) => {
  t.match(
    failure(() => checkSuppliedScripts({ ...base, scriptsUrl: http }, new Set())),
    { code: 'SCRIPT_NOT_FOUND' },
  );
  t.equal(
    failure(() => checkSuppliedScripts({ ...base, scriptsUrl: http }, new Set(['run'] as const))),
    undefined,
  );
  t.equal(
    failure(() => checkSuppliedScripts({ ...base, scriptsUrl: image('/x') }, new Set())),
    undefined,
  );
  t.equal(
    failure(() => checkSuppliedScripts(base, new Set())),
    undefined,
  );
});

t.test('L1 where scripts of the image are', async (t) => {
  const none = {};
  const rows: readonly (readonly [Partial<DockerfileInput>, string])[] = [
    [none, '/usr/libexec/s2i'],
    [{ scriptsUrl: image('/a') }, '/a'],
    [{ scriptsUrl: http }, '/usr/libexec/s2i'],
    [{ builderScriptsUrl: image('/b') }, '/b'],
    [{ imageScriptsUrl: image('/c') }, '/c'],
    [{ builderScriptsUrl: image('/b'), imageScriptsUrl: image('/c') }, '/b'],
    [{ scriptsUrl: image('/a'), builderScriptsUrl: image('/b') }, '/a'],
    [{ scriptsUrl: image('/a'), imageScriptsUrl: image('/c') }, '/a'],
    [{ scriptsUrl: http, builderScriptsUrl: image('/b') }, '/b'],
    [{ scriptsUrl: http, imageScriptsUrl: image('/c') }, '/c'],
  ];
  for (const [input, expected] of rows)
    t.equal(imageScriptsDirectory({ ...base, ...input }), expected, JSON.stringify(input));
});

t.test(
  "L3 better than the original: exec form, the builder's user and entry point, other destinations",
  async (t) => {
    t.ok(lines({ imageUser: '1002' }).includes('USER 1002'), 'the image runs as the builder says');
    t.equal(lines({ imageUser: '1001' }).filter((line) => line.startsWith('USER')).length, 1);
    t.ok(lines({ imageUser: '' }).includes('USER 0'));
    t.notOk(
      lines({ assembleUser: 'root', imageUser: '0' }).some((line) => line.startsWith('USER')),
    );
    t.ok(lines({ assembleUser: '1001:0' }).includes('COPY --chown=1001:0 upload/src /tmp/src'));
    t.ok(
      lines({ entrypoint: ['container-entrypoint', 'a b'] }).includes(
        "RUN container-entrypoint 'a b' /usr/libexec/s2i/assemble",
      ),
    );
    t.ok(
      lines({ destination: '/', ...supplied('run') }).includes(
        'COPY --chown=1001:0 upload/scripts /scripts',
      ),
    );
    t.ok(
      lines({ destination: '/my dest' }).includes(
        'COPY --chown=1001:0 ["upload/src","/my dest/src"]',
      ),
    );
  },
);

t.test('nothing in an input becomes an instruction of its own', async (t) => {
  const hostile: readonly Partial<DockerfileInput>[] = [
    { builder: 'x\nRUN evil' },
    { builder: 'x AS y' },
    { previousImage: 'x\nRUN evil' },
    { assembleUser: '1001\nRUN evil' },
    { imageUser: 'a b' },
    { environment: ['A=x\nRUN evil'] },
    { environment: ['A\tB=x'] },
    { labels: { 'a\nRUN evil': 'x' } },
    { labels: { a: 'x\rRUN evil' } },
    { destination: '/a\nRUN evil' },
    { injections: [{ source: '/a,readonly=false', target: '/b\nRUN evil' }] },
    { entrypoint: ['a\nRUN evil'] },
  ];
  for (const input of hostile)
    t.match(
      failure(() => lines(input)),
      { code: 'DOCKERFILE_INVALID', exitCode: 3 },
      JSON.stringify(input),
    );
});
