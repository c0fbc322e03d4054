import t, { type Test } from 'tap';
import {
  type CheckedImage,
  type CheckFinding,
  checkBuilder,
  type ImageFile,
  parseBuilderContract,
} from '../../src/s2i/index.ts';

const script = '#!/bin/sh\nexit 0\n';

function file(content: string | Uint8Array, mode = 0o755, uid = 0): ImageFile {
  return { kind: 'file', mode, uid, gid: 0, head: Buffer.from(content) };
}

function directory(mode: number, uid = 0, gid = 0): ImageFile {
  return { kind: 'directory', mode, uid, gid, head: Buffer.of() };
}

const goodFiles: Readonly<Record<string, ImageFile>> = {
  '/bin/sh': file(''),
  '/usr/bin/env': file(''),
  '/s2i/assemble': file(script),
  '/s2i/run': file(script),
  '/s2i/usage': file(script),
  '/s2i/save-artifacts': file(script),
  '/tmp': directory(0o1777),
  '/opt/app': directory(0o775, 1001),
};

const goodExecution: CheckedImage['execution'] = {
  user: '1001',
  env: ['PATH=/usr/bin:/bin'],
  entrypoint: [],
  cmd: ['/s2i/usage'],
  workingDir: '/opt/app',
  labels: {
    'io.openshift.s2i.scripts-url': 'image:///s2i',
    'io.k8s.display-name': 'Mine',
    'io.k8s.description': 'builds things',
    'io.openshift.tags': 'builder,mine',
    'io.openshift.expose-services': '8080:http',
  },
  onBuild: [],
  volumes: [],
  exposedPorts: ['8080/tcp'],
};

interface Change {
  readonly files?: Readonly<Record<string, ImageFile | undefined>>;
  readonly execution?: Partial<CheckedImage['execution']>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly image?: Partial<CheckedImage>;
}

/** Checks a good image with something changed, and returns what is not well. */
async function problems(change: Change = {}): Promise<readonly CheckFinding[]> {
  const files = { ...goodFiles, ...change.files };
  const labels = { ...goodExecution.labels, ...change.labels };
  const execution = { ...goodExecution, labels, ...change.execution };
  const findings = await checkBuilder({
    execution,
    architecture: 'amd64',
    layerSizes: [1000],
    contract: parseBuilderContract(execution, { allowRemoteScripts: true }),
    user: { uid: 1001, gid: 0, additionalGids: [] },
    lookAt: async (path) => files[path],
    ...change.image,
  });
  for (const { status, fix } of findings)
    if ((status !== 'pass') !== (fix !== undefined)) throw new Error('a problem needs a fix');
  return findings.filter(({ status }) => status !== 'pass');
}

async function finds(t: Test, change: Change, expected: Partial<CheckFinding> & { id: string }) {
  const found = await problems(change);
  t.match(
    found.find(({ id }) => id === expected.id),
    expected,
    JSON.stringify(found),
  );
}

t.test('an image that keeps the contract has nothing to complain about', async (t) => {
  t.same(await problems(), []);
});

t.test('scripts that cannot be started are failures', async (t) => {
  const elf = Buffer.alloc(64);
  elf.write('\x7fELF\x02\x01', 'latin1');
  elf.writeUInt16LE(183, 18);
  const cases: readonly (readonly [ImageFile | undefined, RegExp])[] = [
    [undefined, /there is no \/s2i\/assemble/],
    [directory(0o755), /no regular file/],
    [file(script, 0o644), /not executable/],
    [file(script, 0o700), /user 1001 may not execute/],
    [file(script, 0o711), /user 1001 may not read/],
    [file('#!/bin/sh\r\nexit 0\r\n'), /carriage return/],
    [file('#!/usr/bin/ruby\n'), /the interpreter \/usr\/bin\/ruby/],
    [file('#!/usr/bin/env -S node --x\n'), /node, which runs .* is not on the PATH/],
    [file(elf), /for arm64, not for amd64/],
  ];
  for (const [assemble, detail] of cases)
    await finds(
      t,
      { files: { '/s2i/assemble': assemble } },
      { id: 'assemble', status: 'fail', detail: detail as never },
    );
});

t.test('scripts that builds can do without are warnings, or nothing', async (t) => {
  await finds(t, { files: { '/s2i/usage': undefined } }, { id: 'usage', status: 'warn' });
  await finds(
    t,
    { files: { '/s2i/save-artifacts': file(script, 0) } },
    { id: 'save-artifacts', status: 'warn' },
  );
  t.same(await problems({ files: { '/s2i/save-artifacts': undefined } }), []);
});

t.test('where scripts are has to be said', async (t) => {
  const url = 'io.openshift.s2i.scripts-url';
  await finds(t, { labels: { [url]: '' } }, { id: 'scripts-url', status: 'fail' });
  const digest = `sha256:${'0'.repeat(64)}`;
  const remote = `https://example.com/bin#assemble=${digest}&run=${digest}`;
  await finds(t, { labels: { [url]: remote } }, { id: 'scripts-url', status: 'warn' });
  await finds(
    t,
    { labels: { [url]: '', 'io.s2i.scripts-url': 'image:///s2i' } },
    { id: 'names', status: 'warn' },
  );
  const image = {
    execution: goodExecution,
    architecture: 'amd64',
    layerSizes: [],
    lookAt: async () => undefined,
  };
  t.match(await checkBuilder(image, 'it is wrong'), [
    { id: 'labels', status: 'fail', detail: 'it is wrong' },
  ]);
});

t.test('users and the places that they write to', async (t) => {
  await finds(t, { execution: { user: 'default' } }, { id: 'user', status: 'warn' });
  const root = { uid: 0, gid: 0, additionalGids: [] };
  await finds(
    t,
    { execution: { user: '' }, image: { user: root } },
    { id: 'user', status: 'warn' },
  );
  const image = {
    execution: goodExecution,
    architecture: 'amd64',
    layerSizes: [],
    lookAt: async () => undefined,
  };
  t.ok((await checkBuilder(image)).some(({ id, status }) => id === 'user' && status === 'fail'));
  await finds(
    t,
    { files: { '/opt/app': directory(0o755) } },
    { id: 'working directory', status: 'warn' },
  );
  await finds(
    t,
    { files: { '/opt/app': directory(0o755, 1001) } },
    { id: 'any user', status: 'warn' },
  );
  await finds(t, { files: { '/tmp': file('') } }, { id: 'destination', status: 'fail' });
});

t.test('what the image says about itself', async (t) => {
  await finds(t, { labels: { 'io.k8s.description': '' } }, { id: 'description', status: 'warn' });
  await finds(t, { labels: { 'io.openshift.tags': 'x' } }, { id: 'tags', status: 'warn' });
  await finds(t, { execution: { exposedPorts: [] } }, { id: 'ports', status: 'warn' });
  await finds(
    t,
    { labels: { 'io.openshift.expose-services': '9090:http' } },
    { id: 'ports', status: 'warn' },
  );
  await finds(t, { execution: { cmd: ['/bin/sh'] } }, { id: 'command', status: 'warn' });
  await finds(t, { execution: { entrypoint: ['/gone'] } }, { id: 'entrypoint', status: 'fail' });
  await finds(t, { execution: { onBuild: ['RUN x'] } }, { id: 'onbuild', status: 'warn' });
  await finds(t, { image: { layerSizes: [2e9] } }, { id: 'size', status: 'warn' });
});
