/** `s2oci builder build` as users type it, with and without subordinate ids. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { TestUserKind } from '../support/as-user.ts';
import { builderImage } from '../support/images.ts';
import { build, configOf, entriesOf } from './builder-support.ts';
import { openWorkbench, succeed } from './support.ts';

t.setTimeout(600_000);

const { reference: busybox } = await builderImage('busybox');

async function multiStage(t: Test, kind: TestUserKind): Promise<string> {
  await using bench = await openWorkbench(kind);
  const dockerfile = `ARG BASE=${busybox}
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
RUN <<EOF
#!/bin/sh
echo "$0" > /interpreter
EOF
USER 1001
RUN id -u > /tmp/uid
CMD ["sh", "-c", "cat /etc/motd"]
`;
  const sources = { 'src/a.txt': 'a\n', 'src/b/c.txt': 'c\n', 'src/b/skip': '' };
  const files = { Dockerfile: dockerfile, ...sources, '.dockerignore': '**/skip\n' };
  succeed(t, await build(bench, files, ['--build-arg', 'VERSION=2']));
  const entries = await entriesOf(bench);
  const has = (line: string) => t.ok(entries.includes(line), `${kind}: ${line}`);
  has('-rw-r--r-- 0/0 opt/app/b/c.txt');
  has('-rw-r----- 1001/0 data/a.txt');
  has('-rwxr-x--- 0/0 usr/local/bin/tool');
  has('-rw-r--r-- 0/0 interpreter');
  has('-rw-r--r-- 1001/0 tmp/uid');
  t.notOk(entries.some((line) => line.includes('skip')));
  const { config, history } = await configOf(bench);
  t.match(config, { User: '1001', WorkingDir: '/opt/app', Labels: { version: '2' } });
  t.same(config.Cmd, ['sh', '-c', 'cat /etc/motd']);
  const last = history.findLast(({ empty_layer }: { empty_layer?: boolean }) => !empty_layer);
  t.match(last.created_by, /^RUN \|1 VERSION=2 \/bin\/sh -c id -u > \/tmp\/uid/);
  return readFile(join(bench.directory, 'image', 'index.json'), 'utf8');
}

t.test('several stages, and the same image with and without subordinate ids', async (t) => {
  t.equal(await multiStage(t, 'with-subuids'), await multiStage(t, 'without-subuids'));
});

t.test('a command that fails names the line, the others stop, exit code 9', async (t) => {
  await using bench = await openWorkbench();
  const dockerfile = `FROM ${busybox} AS slow\nRUN sleep 500\nFROM ${busybox}\nRUN exit 7\nCOPY --from=slow / /x\n`;
  const { code, stderr } = await build(bench, { Dockerfile: dockerfile });
  t.equal(code, 9);
  t.match(stderr, /Dockerfile:4: RUN exit 7: .*exit code 7/);
});

t.test('nothing runs when anything about the Dockerfile is wrong', async (t) => {
  await using bench = await openWorkbench();
  const dockerfile = `FROM ${busybox}\nRUN echo ran\nRUNN x\n`;
  const { code, stderr } = await build(bench, { Dockerfile: dockerfile });
  t.equal(code, 3);
  t.match(stderr, /Dockerfile:3:1/);
  t.notMatch(stderr, / \| ran/);
});

for (const kind of ['with-subuids', 'without-subuids'] as const)
  t.test(`RUN --mount of every type, ${kind}`, async (t) => {
    await using bench = await openWorkbench(kind);
    const dockerfile = `FROM ${busybox} AS other
RUN mkdir -m 751 /d && echo stage > /d/file
FROM ${busybox}
RUN --mount=type=bind,target=/context cat /context/a.txt /context/b/c.txt
RUN --mount=type=bind,source=b/c.txt,target=/one.txt cat /one.txt
RUN --mount=type=bind,from=other,source=/d,target=/stage,rw cat /stage/file && echo changed > /stage/file
RUN --mount=type=bind,from=other,source=/d,target=/stage cat /stage/file; ! echo x > /stage/file
RUN --mount=type=cache,target=/cache,id=${kind} echo 1 >> /cache/count; wc -l < /cache/count
RUN --mount=type=cache,target=/cache,id=${kind} echo 2 >> /cache/count; wc -l < /cache/count
RUN --mount=type=tmpfs,target=/scratch touch /scratch/x && mount | grep -c ' /scratch '
RUN --mount=type=secret,id=token test "$(wc -c < /run/secrets/token)" = 9
RUN --mount=type=secret,id=token,env=TOKEN test "\${#TOKEN}" = 9
RUN --mount=type=secret,id=absent test ! -e /run/secrets/absent
RUN --mount=type=cache,target=/cache,id=${kind},from=other,source=/d cat /cache/file && echo grown > /cache/file && stat -c %a /cache
RUN --mount=type=cache,target=/seeded,id=${kind},from=other,source=/d cat /seeded/file; test ! -e /seeded/count
RUN --mount=type=cache,target=/cache,id=${kind},from=other,source=/d,mode=0700 cat /cache/file && stat -c %a /cache
RUN --network=none ! wget -T 2 http://127.0.0.1:9/
`;
    const files = { Dockerfile: dockerfile, 'a.txt': 'a\n', 'b/c.txt': 'c\n' };
    const secret = ['--secret', `id=token,src=${bench.directory}/token`];
    await bench.run('sh', ['-c', 'printf "s3cret42\\n" > token']);
    const result = await build(bench, files, secret);
    succeed(t, result);
    t.same(
      [...result.stderr.matchAll(/^ \| (.*)$/gm)]
        .map(([, line = '']) => line.replace(/^\d+: /, ''))
        .filter((line) => !/^(?:wget|\/bin\/sh):/.test(line))
        .slice(0, 13),
      ['a', 'c', 'c', 'stage', 'stage', '1', '2', '1', 'stage', '751', 'grown', 'stage', '700'],
    );
    const added = (await entriesOf(bench)).filter((line) =>
      /context|one.txt|stage|cache|seeded|scratch|secrets/.test(line),
    );
    t.same(added, [], 'nothing of a mount is in a layer');
  });

t.test('an ONBUILD image runs its triggers in the build that begins with it', async (t) => {
  await using bench = await openWorkbench();
  const parent = {
    Dockerfile: `FROM ${busybox}\nONBUILD COPY app /srv/\nONBUILD RUN wc -c /srv/app\n`,
  };
  succeed(t, await build(bench, parent));
  const { config } = await configOf(bench);
  t.same(config.OnBuild, ['COPY app /srv/', 'RUN wc -c /srv/app']);
  await bench.run('cp', ['-r', 'image', 'parent']);
  const child = { Dockerfile: `FROM oci:${bench.directory}/parent\n`, app: 'app\n' };
  const result = await build(bench, child);
  succeed(t, result);
  t.match(result.stderr, / \| 4 \/srv\/app/);
  t.equal((await configOf(bench)).config.OnBuild, undefined);
});

t.test('--squash makes one layer, with the same files', async (t) => {
  await using bench = await openWorkbench();
  const dockerfile = `FROM ${busybox}
RUN echo 1 > /a && echo 1 > /b && rm /linuxrc
RUN rm /a && echo 2 > /b
COPY f /d/
`;
  const files = { Dockerfile: dockerfile, f: 'f\n' };
  succeed(
    t,
    await build(bench, files, ['--squash', '-o', `type=tar,dest=${bench.directory}/squashed.tar`]),
  );
  const { rootfs, history } = await configOf(bench);
  t.equal(rootfs.diff_ids.length, 3);
  t.equal(history.filter(({ empty_layer }: { empty_layer?: boolean }) => !empty_layer).length, 3);
  const own = (await entriesOf(bench)).filter((line) => /(?: a| b| d\/f|\.wh\.\S+)$/.test(line));
  t.same(own, ['-rw------- 0/0 .wh.linuxrc', '-rw-r--r-- 0/0 b', '-rw-r--r-- 0/0 d/f']);
  succeed(t, await build(bench, files, ['-o', `type=tar,dest=${bench.directory}/plain.tar`]));
  const { code } = await bench.run('cmp', ['squashed.tar', 'plain.tar']);
  t.equal(code, 0, 'both are the same root file system');
});

t.test('an unchanged build runs nothing, a changed file runs what depends on it', async (t) => {
  await using bench = await openWorkbench();
  const dockerfile = `FROM ${busybox}\nRUN echo ran-once\nCOPY f /\nRUN echo after; cat /f\n`;
  const outputs = async (content: string) => {
    const result = await build(bench, { Dockerfile: dockerfile, f: content });
    succeed(t, result);
    return [...result.stderr.matchAll(/^ \| (.*)$/gm)].map(([, line]) => line);
  };
  t.same(await outputs('1'), ['ran-once', 'after', '1']);
  t.same(await outputs('1'), []);
  t.same(await outputs('2'), ['after', '2']);
});
