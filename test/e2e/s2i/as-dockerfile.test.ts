/** The 22 cases of the original's Dockerfile mode (s2i reference 4.2), each written by the real command. */

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../../support/as-user.ts';
import { builderImage } from '../../support/images.ts';
import { deriveImage, writeTree } from '../s2i-support.ts';
import { openWorkbench, succeed } from '../support.ts';

t.setTimeout(600_000);

const bench = await openWorkbench();
t.teardown(() => bench[Symbol.asyncDispose]());
const derive = (name: string, Labels: Readonly<Record<string, string>>) =>
  deriveImage(bench, name, { config: { User: '1001', Labels } });
const builder = await derive('builder', {
  'io.openshift.s2i.scripts-url': 'image:///usr/libexec/s2i',
});
const unlabelled = await derive('unlabelled', {});
const script = '#!/bin/sh\nset -e\n';
const incrementally =
  'mkdir -p /tmp/app\n[ ! -d /tmp/artifacts ] || echo "---> Restoring build artifacts..."\n';
const trees = {
  plain: { 'file.txt': 'x' },
  environment: { '.s2i/environment': '# comment\nFILE=1\nQ="quoted"\n' },
  'assemble-only': { assemble: `${script}echo from a URL\n` },
  'run-only': { run: script },
  nothing: { README: 'no scripts' },
  'own-assemble': { '.s2i/bin/assemble': `${script}${incrementally}cp -R /tmp/src/. /tmp/app\n` },
  'own-run': { '.s2i/bin/run': script },
  'own-save': { '.s2i/bin/save-artifacts': `${script}exec tar -C /tmp -c src\n` },
  'save-only': { 'save-artifacts': script },
  ignoring: { '.s2iignore': '*.log\n!kept.log\n', 'a.log': 'x', 'kept.log': 'x', 'sub/b': 'x' },
  secrets: { token: 's3cret' },
} as const;
const places: Record<string, string> = {};
for (const [name, files] of Object.entries(trees))
  places[name] = await writeTree(bench, name, files);
const url = (name: keyof typeof trees) => `file://${places[name]}`;

/** One case: the source, further arguments, lines that are there, and what must not be. */
interface Case {
  readonly source?: keyof typeof trees;
  readonly image?: string;
  readonly tag?: string;
  readonly args?: readonly string[];
  readonly lines: readonly string[];
  readonly never?: RegExp;
  /** Files below `upload/`, where the case is about them. */
  readonly files?: readonly string[];
}

const assemble = 'RUN /usr/libexec/s2i/assemble';
const runScript = 'CMD ["/usr/libexec/s2i/run"]';
const ownScripts = 'COPY --chown=1001:0 upload/scripts /tmp/scripts';
const save = (path: string) =>
  `RUN if [ -s ${path} ]; then ${path} > /tmp/artifacts.tar; else touch /tmp/artifacts.tar; fi`;
const custom = ['--image-scripts-url', 'image:///usr/custom'];

const cases: Readonly<Record<string, Case>> = {
  Build: {
    lines: ['COPY --chown=1001:0 upload/src /tmp/src', 'USER 1001', assemble, runScript],
    files: ['src/file.txt'],
  },
  DefaultDockerfile: { lines: [assemble] },
  Env: {
    source: 'environment',
    args: ['-e', 'FLAG=a "b" $c'],
    lines: ['ENV FILE="1" \\', '    Q="\\"quoted\\"" \\', '    FLAG="a \\"b\\" \\$c"'],
  },
  Labels: {
    args: ['-n', 'my app', '--description', 'what it is'],
    lines: [
      'LABEL "io.k8s.display-name"="my app" \\',
      '      "io.k8s.description"="what it is" \\',
    ],
  },
  Injections: {
    args: ['-i', `${places['secrets']}:/run/secrets`],
    lines: [
      `RUN --mount=type=bind,source=upload/injections${places['secrets']}/token,target=/run/secrets/token /usr/libexec/s2i/assemble`,
    ],
    never: /COPY .*injections|RUN rm/,
    files: [`injections${places['secrets']}/token`, 'src/file.txt'],
  },
  ScriptsURLAssemble: {
    args: ['-s', url('assemble-only')],
    lines: [ownScripts, 'RUN /tmp/scripts/assemble', runScript],
    files: ['scripts/assemble', 'src/file.txt'],
  },
  ScriptsURLRun: {
    args: ['-s', url('run-only')],
    lines: [ownScripts, assemble, 'CMD ["/tmp/scripts/run"]'],
  },
  ScriptsURLImage: {
    args: ['-s', 'image:///usr/custom'],
    lines: ['RUN /usr/custom/assemble', 'CMD ["/usr/custom/run"]'],
    never: /COPY .*scripts/,
  },
  SourceScriptsAssemble: {
    source: 'own-assemble',
    lines: [ownScripts, 'RUN /tmp/scripts/assemble', runScript],
    files: ['scripts/assemble'],
  },
  SourceScriptsRun: { source: 'own-run', lines: [assemble, 'CMD ["/tmp/scripts/run"]'] },
  ImageScriptsURLAssemble: { image: unlabelled, args: custom, lines: ['RUN /usr/custom/assemble'] },
  ImageScriptsURLRun: { image: unlabelled, args: custom, lines: ['CMD ["/usr/custom/run"]'] },
  ImageScriptsURLImage: {
    source: 'own-assemble',
    image: unlabelled,
    args: custom,
    lines: ['RUN /tmp/scripts/assemble', 'CMD ["/usr/custom/run"]'],
  },
  ScriptsAndImageURL: {
    image: unlabelled,
    args: ['-s', url('assemble-only'), ...custom],
    lines: ['RUN /tmp/scripts/assemble', 'CMD ["/usr/custom/run"]'],
  },
  ScriptsAndImageURLConflicts: {
    image: unlabelled,
    args: ['-s', 'image:///first', ...custom],
    lines: ['RUN /first/assemble', 'CMD ["/first/run"]'],
  },
  IncrementalBuild: {
    tag: 'test:tag',
    args: ['--incremental'],
    lines: ['FROM test:tag AS cached', save('/usr/libexec/s2i/save-artifacts'), runScript],
    never: /COPY --from=cached/,
  },
  IncrementalSourceSave: {
    source: 'own-save',
    args: ['--incremental'],
    lines: [
      'COPY --chown=1001:0 upload/scripts/save-artifacts /tmp/scripts/save-artifacts',
      save('/tmp/scripts/save-artifacts'),
    ],
  },
  IncrementalSaveURL: {
    args: ['--incremental', '-s', url('save-only')],
    lines: [save('/tmp/scripts/save-artifacts'), runScript],
    files: ['scripts/save-artifacts', 'src/file.txt'],
  },
  IncrementalTag: {
    tag: 'incremental:tag',
    args: ['--incremental'],
    lines: ['FROM incremental:tag AS cached'],
  },
  IncrementalAssembleUser: {
    args: ['--incremental', '--assemble-user', '2250'],
    lines: ['USER 2250', 'COPY --chown=2250:0 upload/src /tmp/src', 'USER 1001'],
  },
  LocalSource: {
    source: 'ignoring',
    lines: ['COPY --chown=1001:0 upload/src /tmp/src'],
    files: ['src/.s2iignore', 'src/kept.log', 'src/sub/b'],
  },
};

async function write(
  t: Test,
  name: string,
  { source = 'plain', image = builder, tag, args = [] }: Case,
) {
  const to = ['--as-dockerfile', `contexts/${name}/`];
  const command = ['build', places[source] ?? '', image, tag ?? 'app:1', ...to, ...args];
  const written = await bench.s2oci(command);
  succeed(t, written);
  return join(bench.directory, 'contexts', name);
}

t.test('L1 L2 the upstream cases', async (t) => {
  t.equal(Object.keys(cases).length + 1, 22, 'with the one that is an error');
  for (const [name, one] of Object.entries(cases)) {
    const context = await write(t, name, one);
    const text = await readFile(join(context, 'Dockerfile'), 'utf8');
    t.equal(
      (await stat(join(context, 'Dockerfile'))).mode & 0o777,
      0o644,
      'the original: 0700 [G]',
    );
    t.same((await readdir(context)).sort(), ['Dockerfile', 'upload'], 'no empty downloads [G]');
    const lines = text.split('\n');
    for (const line of one.lines) t.ok(lines.includes(line), `${name}: ${line}\n${text}`);
    t.equal(
      lines.filter((line) => line.startsWith('FROM ')).at(-1),
      `FROM ${one.image ?? builder}`,
    );
    if (one.never !== undefined) t.notMatch(text, one.never, name);
    if (one.files === undefined) continue;
    const upload = await readdir(join(context, 'upload'), { recursive: true, withFileTypes: true });
    const files = upload
      .filter((entry) => entry.isFile())
      .map(({ name: file, parentPath }) => join(parentPath, file).slice(context.length + 8));
    t.same(files.sort(), one.files.toSorted(), `${name}: the context`);
  }
});

t.test('L2 L5 ScriptsURLNone, and what cannot be written', async (t) => {
  const args = ['build', places['plain'] ?? '', builder, 'app:1', '--as-dockerfile'];
  const none = await bench.s2oci([...args, 'none/', '-s', url('nothing')]);
  t.equal(none.code, 8);
  t.match(none.stderr, /SCRIPT_NOT_FOUND.*there are no scripts at the scripts URL/);
  t.equal((await bench.s2oci([...args, `${places['plain']}/Dockerfile`])).code, 2);
});

t.test('L3 L4 buildah builds them, and the next one from the artifacts of the first', async (t) => {
  const home = join(bench.directory, 'buildah');
  const storage = ['--storage-driver', 'vfs', '--root', `${home}/r`, '--runroot', `${home}/rr`];
  const buildah = async (...args: readonly string[]) => {
    const env = { HOME: bench.directory, XDG_RUNTIME_DIR: bench.directory };
    return await bench.run('buildah', [...storage, ...args], { env });
  };
  const bud = async (name: string, tag: string, one: Case) => {
    const context = await write(t, name, one);
    const built = await buildah('bud', '--isolation', 'chroot', '-t', tag, context);
    succeed(t, built);
    return built;
  };
  t.teardown(() => buildah('rmi', '--all', '--force'));
  const tag = 'localhost/app:1';
  const secret = ['-i', `${places['secrets']}:/run/secrets`];
  // buildah makes a name out of the path of a layout, and takes no capital letters there.
  const { reference: image } = await builderImage('busybox');
  const first = { source: 'own-assemble', image, args: secret, tag, lines: [] } as const;
  t.notMatch((await bud('first', tag, first)).stdout, /Restoring/);
  const again = { ...first, args: ['--incremental', '-s', url('save-only'), ...secret] };
  await run('sh', [
    '-c',
    `echo 'exec tar -C /tmp -c app' >>'${places['save-only']}/save-artifacts'`,
  ]);
  t.match((await bud('again', 'localhost/app:2', again)).stdout, /Restoring build artifacts/);
  const { stdout } = await buildah('inspect', '--type', 'image', 'localhost/app:2');
  t.match(JSON.parse(stdout).OCIv1.config, { Cmd: ['/usr/libexec/s2i/run'] });
  succeed(t, await buildah('push', '-D', 'localhost/app:2', `dir:${home}/image`));
  const holds = async (text: string) =>
    (await run('grep', ['-rl', text, `${home}/image`])).stdout !== '';
  t.ok(await holds('Restoring build artifacts'), 'the scripts are in a layer');
  t.notOk(await holds('s3cret'), 'the secret is in none');
});
