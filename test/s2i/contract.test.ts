import t from 'tap';
import {
  destinationOf,
  parseBuilderContract,
  parseScriptsUrl,
  scriptAddress,
  workingDirectoryOf,
} from '../../src/s2i/index.ts';
import { execution, failure } from './support.ts';

const current = 'io.openshift.s2i.scripts-url';
const old = 'io.s2i.scripts-url';
const variable = 'STI_SCRIPTS_URL';

t.test('D1 scripts URL: label before old label before variable, in all combinations', async (t) => {
  const rows: readonly (readonly [
    Record<string, string>,
    readonly string[],
    string | undefined,
    number,
  ])[] = [
    [{ [current]: 'image:///c' }, [], '/c', 0],
    [{ [old]: 'image:///o' }, [], '/o', 1],
    [{}, [`${variable}=image:///v`], '/v', 1],
    [{ [current]: 'image:///c', [old]: 'image:///o' }, [], '/c', 0],
    [{ [current]: 'image:///c' }, [`${variable}=image:///v`], '/c', 0],
    [{ [old]: 'image:///o' }, [`${variable}=image:///v`], '/o', 1],
    [{ [current]: 'image:///c', [old]: 'image:///o' }, [`${variable}=image:///v`], '/c', 0],
    [{ [current]: '', [old]: 'image:///o' }, [], '/o', 1],
    [{ [current]: '', [old]: '' }, [`${variable}=image:///v`], '/v', 1],
    [{}, [], undefined, 0],
    [{}, [`${variable}=`, `X${variable}=image:///x`], undefined, 0],
  ];
  for (const [labels, env, path, warnings] of rows) {
    const contract = parseBuilderContract(execution({ labels, env }));
    const name = JSON.stringify({ labels, env });
    t.equal(
      contract.scriptsUrl?.kind === 'image' ? contract.scriptsUrl.path : undefined,
      path,
      name,
    );
    t.equal(contract.warnings.length, warnings, name);
  }
});

t.test('destination: flag, label, old label, variable, /tmp', async (t) => {
  const of = (labels: Record<string, string>, env: readonly string[] = []) =>
    parseBuilderContract(execution({ labels, env })).destination;
  t.equal(of({}), '/tmp');
  t.equal(of({}, ['STI_LOCATION=/v']), '/v');
  t.equal(of({ 'io.s2i.destination': '/o' }, ['STI_LOCATION=/v']), '/o');
  t.equal(of({ 'io.openshift.s2i.destination': '/c/', 'io.s2i.destination': '/o' }), '/c');
  const contract = parseBuilderContract(
    execution({ labels: { 'io.openshift.s2i.destination': '/c' } }),
  );
  t.equal(destinationOf(contract, undefined), '/c');
  t.equal(destinationOf(contract, ''), '/c');
  t.equal(destinationOf(contract, '/flag//x/'), '/flag/x');
  for (const path of ['relative', '/a/../b', '/a\nb', '/a\0b', `/${'x'.repeat(5000)}`]) {
    t.match(
      failure(() => destinationOf(contract, path)),
      { code: 'USAGE_INVALID' },
      path.slice(0, 20),
    );
    t.match(
      failure(() => of({ 'io.openshift.s2i.destination': path })),
      { code: 'BUILDER_INVALID', exitCode: 8 },
    );
  }
});

t.test('the other labels are read, empty ones are not', async (t) => {
  const contract = parseBuilderContract(
    execution({
      labels: {
        'io.openshift.s2i.assemble-user': '431',
        'io.openshift.s2i.assemble-runtime-user': '432',
        'io.openshift.s2i.assemble-input-files': '/a;/b',
        'io.openshift.builder-version': 'v1',
        'io.openshift.builder-base-version': '',
      },
    }),
  );
  t.same(contract, {
    destination: '/tmp',
    assembleUser: '431',
    assembleRuntimeUser: '432',
    runtimeArtifacts: '/a;/b',
    builderVersion: 'v1',
    warnings: [],
  });
});

t.test('labels named like members of objects are data', async (t) => {
  t.same(
    parseBuilderContract(
      execution({
        labels: Object.fromEntries([
          ['__proto__', 'x'],
          ['constructor', 'y'],
        ]),
      }),
    ),
    { destination: '/tmp', warnings: [] },
  );
});

t.test(
  'M18 a label never names a file of this machine, nor a server unless allowed, pinned and over https',
  async (t) => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const pins = `#assemble=${digest}&run=${digest}`;
    const parse = (url: string, allowRemoteScripts = false) =>
      failure(() =>
        parseBuilderContract(execution({ labels: { [current]: url } }), { allowRemoteScripts }),
      );
    const never = [
      'file:///etc/shadow',
      'FILE:///etc/shadow',
      'image:///../../x',
      'image:///a/../b',
      'image://relative',
      'image://',
      'ftp://host/x',
      '/usr/libexec/s2i',
      'image:///a\nb',
      'javascript:x',
      'http://169.254.169.254/x',
    ];
    for (const url of [...never, `https://host/s${pins}`])
      t.match(
        parse(url),
        { code: 'BUILDER_INVALID', exitCode: 8, suggestion: /--scripts-url/ },
        url,
      );
    for (const url of [
      ...never,
      `http://host/s${pins}`,
      'https://host/s',
      `https://host/s#run=${digest}`,
    ])
      t.match(parse(url, true), { code: 'BUILDER_INVALID' }, `${url}, allowed`);
    t.equal(parse(`https://host/s${pins}`, true), undefined);
  },
);

t.test('D7 scripts URLs of users', async (t) => {
  const origin = { from: 'user', what: '--scripts-url' } as const;
  t.same(parseScriptsUrl('image:///usr/libexec/s2i/', origin), {
    kind: 'image',
    path: '/usr/libexec/s2i',
  });
  t.same(parseScriptsUrl('file:///opt/scripts/', origin), { kind: 'file', path: '/opt/scripts' });
  t.same(parseScriptsUrl('file://rel/scripts', origin), { kind: 'file', path: 'rel/scripts' });
  const digest = `sha256:${'b'.repeat(64)}`;
  const http = parseScriptsUrl(`https://host/dir/#run=${digest}`, origin);
  t.same(http, { kind: 'http', url: 'https://host/dir/', digests: { run: digest } });
  t.equal(
    http.kind === 'http' && scriptAddress(http, 'save-artifacts'),
    'https://host/dir/save-artifacts',
  );
  t.same(parseScriptsUrl('http://host', origin), {
    kind: 'http',
    url: 'http://host/',
    digests: {},
  });
  for (const url of [
    'ftp://host',
    'scripts',
    'https://host/#run=md5:x',
    'https://host/#walk=x',
    'https://:0',
    'file://',
    'file:// x',
    '',
  ])
    t.match(
      failure(() => parseScriptsUrl(url, origin)),
      { code: 'USAGE_INVALID' },
      url,
    );
});

t.test('M12 CVE-2024-21626: working directories', async (t) => {
  t.equal(workingDirectoryOf(''), '/');
  t.equal(workingDirectoryOf('/'), '/');
  t.equal(workingDirectoryOf('/opt/app root/'), '/opt/app root');
  t.equal(workingDirectoryOf('/procfs'), '/procfs');
  for (const path of [
    '/proc/self/fd/7',
    '/proc',
    '//proc/self/cwd',
    '../../..',
    'relative',
    '/a/../../b',
    '/a\nb',
  ])
    t.match(
      failure(() => workingDirectoryOf(path)),
      { code: 'IMAGE_CONFIG_INVALID', exitCode: 3 },
      path,
    );
});
