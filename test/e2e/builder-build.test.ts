/** `s2oci builder build` as users type it, with and without subordinate ids. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import type { RunResult, TestUserKind } from '../support/as-user.ts';
import { builderImage } from '../support/images.ts';
import { openWorkbench, succeed, type Workbench } from './support.ts';

t.setTimeout(600_000);

/** Builds a context given as files, and returns how it went. */
async function build(
  bench: Workbench,
  files: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<RunResult> {
  const context = join(bench.directory, 'context');
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(context, name)), { recursive: true });
    await writeFile(join(context, name), content);
  }
  return bench.s2oci(['builder', 'build', context, '-t', `oci:${bench.directory}/image`, ...args]);
}

/** Runs a command in the image with skopeo and tar at hand: the list of all entries as the layers have them. */
async function entriesOf(bench: Workbench): Promise<readonly string[]> {
  const script = `cd ${bench.directory}/image && for l in $(jq -r '.manifests[0].digest' index.json | cut -d: -f2 | xargs -I{} jq -r '.layers[].digest' blobs/sha256/{} | cut -d: -f2); do tar --numeric-owner -tvzf blobs/sha256/$l; done`;
  const { stdout, code, stderr } = await bench.run('sh', ['-c', script]);
  if (code !== 0) throw new Error(stderr);
  return stdout.split('\n').map((line) => line.replace(/\s+\d+ \d{4}-\d\d-\d\d \d\d:\d\d /, ' '));
}

async function configOf(bench: Workbench) {
  const { stdout } = await bench.run('skopeo', [
    'inspect',
    '--config',
    `oci:${bench.directory}/image`,
  ]);
  return JSON.parse(stdout);
}

async function multiStage(kind: TestUserKind): Promise<string> {
  await using bench = await openWorkbench(kind);
  const { reference } = await builderImage('busybox');
  const dockerfile = `ARG BASE=${reference}
FROM $BASE AS tools
ENV GREETING=hello
RUN echo $GREETING > /tool && chmod 750 /tool
FROM $BASE AS unused
RUN exit 9
FROM $BASE
ARG VERSION=1
LABEL version=$VERSION
WORKDIR /opt/app
COPY src/ ./
COPY --chown=1001:0 --chmod=640 src/a.txt /data/
COPY --from=tools /tool /usr/local/bin/tool
COPY <<EOF /etc/motd
version $VERSION
EOF
USER 1001
RUN id -u > /tmp/uid
CMD ["sh", "-c", "cat /etc/motd"]
`;
  const files = {
    Dockerfile: dockerfile,
    'src/a.txt': 'a\n',
    'src/b/c.txt': 'c\n',
    '.dockerignore': '**/skip\n',
    'src/b/skip': '',
  };
  const result = await build(bench, files, ['--build-arg', 'VERSION=2']);
  succeed(t, result);
  const entries = await entriesOf(bench);
  const has = (line: string) => t.ok(entries.includes(line), `${kind}: ${line}`);
  has('-rw-r--r-- 0/0 opt/app/b/c.txt');
  has('-rw-r----- 1001/0 data/a.txt');
  has('-rwxr-x--- 0/0 usr/local/bin/tool');
  has('-rw-r--r-- 1001/0 tmp/uid');
  t.notOk(entries.some((line) => line.includes('skip')));
  const { config, history } = await configOf(bench);
  t.match(config, { User: '1001', WorkingDir: '/opt/app', Labels: { version: '2' } });
  t.same(config.Cmd, ['sh', '-c', 'cat /etc/motd']);
  t.ok(
    history.some((entry: { created_by: string }) =>
      entry.created_by.startsWith('RUN |1 VERSION=2 /bin/sh -c id -u'),
    ),
  );
  return readFile(join(bench.directory, 'image', 'index.json'), 'utf8');
}

t.test('several stages, and the same image with and without subordinate ids', async (t) => {
  t.equal(await multiStage('with-subuids'), await multiStage('without-subuids'));
});

t.test('a command that fails names the line and is exit code 9', async (t) => {
  await using bench = await openWorkbench();
  const { reference } = await builderImage('busybox');
  const { code, stderr } = await build(bench, { Dockerfile: `FROM ${reference}\n\nRUN exit 7\n` });
  t.equal(code, 9);
  t.match(stderr, /Dockerfile:3: RUN exit 7: .*exit code 7/);
});
