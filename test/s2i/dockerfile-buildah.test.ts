/** What `--as-dockerfile` writes is built by buildah, as an unprivileged user, on a builder made on the spot. */

import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { type DockerfileInput, generateDockerfile } from '../../src/s2i/index.ts';
import { findTestUser, type RunResult, run, type TestUser } from '../support/as-user.ts';

const builderFiles: Readonly<Record<string, string>> = {
  Dockerfile: `FROM scratch
COPY busybox /bin/busybox
COPY s2i /usr/libexec/s2i
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN mkdir -p /tmp /app /run && chmod 1777 /tmp && chown 1001:0 /app
USER 1001
`,
  's2i/assemble': `#!/bin/sh
set -e
[ -s /run/secrets/app/key ] && echo "secret seen"
cp -R /tmp/src/. /app/
if [ -d /tmp/artifacts ]; then echo "---> Restoring build artifacts..."; cp -R /tmp/artifacts/. /app/; fi
mkdir -p /app/deps
echo "$WORD" >> /app/deps/words
`,
  's2i/run': '#!/bin/sh\nexec cat /app/hello\n',
  's2i/save-artifacts': '#!/bin/sh\ncd /app && tar -cf - deps\n',
};

const input: DockerfileInput = {
  builder: 'localhost/s2oci-test-builder:1',
  destination: '/tmp',
  supplied: new Set(),
  labels: { 'io.k8s.display-name': 'my "app" $x \\' },
  environment: ['WORD=a "b" $HOME \\ c'],
  injections: [{ source: '/work/secrets', target: '/run/secrets/app' }],
  imageUser: '1001',
};

/** Writes files that belong to a user, scripts executable. */
async function writeAs(
  user: TestUser,
  root: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
    await chmod(join(root, path), 0o755);
  }
  const entries = await readdir(root, { recursive: true });
  if (process.getuid?.() === 0)
    for (const path of ['', ...entries]) await chown(join(root, path), user.uid, user.gid);
}

t.test(
  'L1 L4 L5 H2 buildah builds the Dockerfile, incrementally too; secrets are in no layer',
  async (t) => {
    const user = await findTestUser('with-subuids');
    if (typeof user === 'string') {
      t.fail(user);
      return;
    }
    const base = await mkdtemp(join(tmpdir(), 's2oci-buildah-'));
    t.teardown(() => rm(base, { recursive: true, force: true }));
    await chmod(base, 0o755);
    const home = join(base, 'home');
    await writeAs(user, base, {
      ...Object.fromEntries(
        Object.entries(builderFiles).map(([path, text]) => [`builder/${path}`, text]),
      ),
      'context/upload/src/hello': 'hello\n',
      'context/upload/injections/work/secrets/key': 's3cr3t-value\n',
      'context/Dockerfile': generateDockerfile(input),
      'context/Dockerfile.again': generateDockerfile({
        ...input,
        previousImage: 'localhost/s2oci-test-app:1',
      }),
      'home/none': '',
    });
    const buildah = async (...args: readonly string[]): Promise<RunResult> => {
      const storage = [
        '--storage-driver',
        'vfs',
        '--root',
        join(home, 'store'),
        '--runroot',
        join(home, 'run'),
      ];
      const result = await run('buildah', [...storage, ...args], {
        user,
        cwd: home,
        env: { HOME: home, XDG_RUNTIME_DIR: home },
      });
      t.equal(result.code, 0, `buildah ${args.join(' ')}\n${result.stderr}`);
      return result;
    };
    const bud = ['bud', '--isolation', 'chroot'];
    await run('cp', ['/bin/busybox', join(base, 'builder/busybox')]);
    await buildah(...bud, '-t', input.builder, join(base, 'builder'));
    const first = await buildah(...bud, '-t', 'localhost/s2oci-test-app:1', join(base, 'context'));
    t.match(first.stdout, 'secret seen');
    t.notMatch(first.stdout, 'Restoring');
    const again = await buildah(
      ...bud,
      '-f',
      join(base, 'context/Dockerfile.again'),
      '-t',
      'localhost/s2oci-test-app:2',
      join(base, 'context'),
    );
    t.match(again.stdout, '---> Restoring build artifacts...');

    const config = JSON.parse(
      (await buildah('inspect', '--type', 'image', 'localhost/s2oci-test-app:2')).stdout,
    ).OCIv1.config;
    t.match(config, { User: '1001', Cmd: ['/usr/libexec/s2i/run'] });
    t.ok(config.Env.includes('WORD=a "b" $HOME \\ c'));
    t.equal(config.Labels['io.k8s.display-name'], 'my "app" $x \\');

    await buildah('push', 'localhost/s2oci-test-app:2', `dir:${join(home, 'image')}`);
    const content = await layers(join(home, 'image'));
    t.ok(
      content.includes('a "b" $HOME \\ c\na "b" $HOME \\ c\n'),
      'the artifacts of the first build are in the second',
    );
    t.notOk(content.includes('s3cr3t-value'));
    await run(
      'buildah',
      [
        '--storage-driver',
        'vfs',
        '--root',
        join(home, 'store'),
        '--runroot',
        join(home, 'run'),
        'rmi',
        '--all',
        '--force',
      ],
      { user, env: { HOME: home, XDG_RUNTIME_DIR: home } },
    );
  },
);

/** Everything in the layers of an image in a directory, as one text. */
async function layers(directory: string): Promise<string> {
  const names = (await readdir(directory)).filter((name) => /^[0-9a-f]{64}$/.test(name));
  const contents = await Promise.all(
    names.map(async (name) => {
      const bytes = await readFile(join(directory, name));
      return (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString('latin1');
    }),
  );
  return contents.join('');
}
