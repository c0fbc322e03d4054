/**
 * The builder images of `examples/builders`, and the one that `create` writes: built from packages without root, checked,
 * used, and the applications asked over HTTP. Needs a Debian mirror and the npm registry.
 */

import { once } from 'node:events';
import { chmod, cp, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { run, type TestUserKind } from '../support/as-user.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { exampleBase } from '../support/example-base.ts';
import { openWorkbench, program, succeed, type Workbench } from './support.ts';

t.setTimeout(1_800_000);

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));

interface Example {
  readonly builder: string;
  readonly app: string;
  readonly answers: RegExp;
  readonly kind: TestUserKind;
  readonly flags?: readonly string[];
  /** A file of the application that the second build has otherwise, and what the application says then. */
  readonly change: { readonly file: string; readonly from: string; readonly to: string };
  /** Whether the builder image has nothing to keep between builds. */
  readonly keepsNothing?: boolean;
  /** What goes from the builder into the base of all builders, which is the runtime image. */
  readonly runtimeArtifact?: string;
}

/** What npm trusts is mounted for the build only. */
const trust = ['--ca-bundle', '/etc/ssl/certs/ca-certificates.crt'];

const all: readonly Example[] = [
  {
    ...{ builder: 'node', app: 'node-app', answers: /Hello!/, kind: 'with-subuids', flags: trust },
    change: { file: '.s2i/environment', from: 'GREETING=Hello', to: 'GREETING=Again' },
  },
  {
    ...{ builder: 'python', app: 'python-app', answers: /from Python\./, kind: 'with-subuids' },
    change: { file: 'app.py', from: 'from Python.', to: 'from Python again.' },
  },
  {
    ...{ builder: 'nginx', app: 'static-site', answers: /from nginx\./, kind: 'without-subuids' },
    change: { file: 'index.html', from: 'from nginx.', to: 'from nginx again.' },
    keepsNothing: true,
  },
  {
    ...{ builder: 'compiled', app: 'compiled-app', answers: /from C\./, kind: 'without-subuids' },
    change: { file: 'server.c', from: 'from C.', to: 'from C again.' },
    runtimeArtifact: '/opt/app-root/src/app',
  },
];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Runs an application until it answers, and returns the answer. */
async function ask(bench: Workbench, image: string): Promise<string> {
  const port = await freePort();
  const server = bench.start(['run', '-e', `PORT=${port}`, image]);
  const ended = once(server, 'exit');
  let said = '';
  for (const stream of [server.stdout, server.stderr])
    stream?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  try {
    for (let i = 0; i < 600 && server.exitCode === null; i += 1) {
      const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
      if (answer?.ok) return await answer.text();
      await sleep(100);
    }
    throw new Error(`${image} does not answer: ${said}`);
  } finally {
    server.kill('SIGTERM');
    await ended;
  }
}

/** Everybody may read what a copy of the sources in a private directory holds. */
async function copyFor(bench: Workbench, name: string): Promise<string> {
  const copy = join(bench.directory, name.replaceAll('/', '-'));
  await cp(join(examples, name), copy, { recursive: true });
  await run('chown', ['-R', `${bench.user.uid}:${bench.user.gid}`, copy]);
  return copy;
}

async function checkExample(t: Test, example: Example): Promise<void> {
  await using registry = await startDockerRegistry();
  await using bench = await openWorkbench(example.kind);
  const image = `${registry.host}/builders/${example.builder}:1`;
  const context = await copyFor(bench, `builders/${example.builder}`);
  const base = ['--build-arg', `BASE=${await exampleBase()}`];
  succeed(t, await bench.s2oci(['builder', 'build', context, '-t', image, ...base]));
  const checked = await bench.s2oci(['builder', 'check', image, '--run', '--json']);
  succeed(t, checked);
  const { findings } = JSON.parse(checked.stdout);
  t.same(
    findings.filter(({ status }: { status: string }) => status !== 'pass'),
    [],
    'there is nothing to complain about',
  );
  const app = `${registry.host}/apps/${example.app}:1`;
  const source = await copyFor(bench, example.app);
  const runtime =
    example.runtimeArtifact === undefined
      ? []
      : ['--runtime-image', await exampleBase(), '-a', example.runtimeArtifact];
  const args = ['build', source, image, app, '--incremental', ...(example.flags ?? []), ...runtime];
  succeed(t, await bench.s2oci(args));
  t.match(await ask(bench, app), example.answers);
  const { file, from, to } = example.change;
  const changed = join(source, file);
  await writeFile(changed, (await readFile(changed, 'utf8')).replaceAll(from, to));
  const again = await bench.s2oci(args);
  succeed(t, again);
  if (example.keepsNothing) t.match(again.stderr, /clean build: .*save-artifacts/);
  else {
    t.match(again.stderr, /artifacts kept beside/, 'only the artifacts are fetched');
    t.match(again.stderr, /Restoring/);
  }
  t.match(await ask(bench, app), to.replace('GREETING=', ''));
}

for (const example of all) {
  t.test(`${example.builder}: builder image, application, answer`, async (t) => {
    await checkExample(t, example);
  });
}

t.test('what create writes works as it is, and its own test passes', async (t) => {
  await using bench = await openWorkbench('without-subuids');
  succeed(t, await bench.s2oci(['create', 'my-builder', 'made']));
  const made = join(bench.directory, 'made');
  const dockerfile = join(made, 'Dockerfile');
  const written = await readFile(dockerfile, 'utf8');
  await writeFile(dockerfile, written.replace(/^ARG BASE=.*$/m, `ARG BASE=${await exampleBase()}`));
  const bin = join(bench.directory, 's2oci');
  await writeFile(bin, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
  await chmod(bin, 0o755);
  const PATH = `${bench.directory}:${process.env['PATH']}`;
  const PORT = String(await freePort());
  const tested = await bench.run(join(made, 'test/run'), [], { cwd: made, env: { PATH, PORT } });
  succeed(t, tested);
  t.match(tested.stdout, /^OK$/m);

  const image = `oci:${bench.directory}/image:1`;
  succeed(t, await bench.s2oci(['builder', 'build', 'made', '-t', image]));
  const checked = await bench.s2oci(['builder', 'check', image]);
  succeed(t, checked);
  t.match(checked.stdout, /0 failures, 0 warnings/);
  const bare = await bench.s2oci(['run', image]);
  t.match(bare.stdout, /Sample invocation/, 'its own command explains it');
});

t.test('an image that is no builder: exit code 8, with the reason and what to do', async (t) => {
  await using bench = await openWorkbench();
  const checked = await bench.s2oci(['builder', 'check', await exampleBase()]);
  t.equal(checked.code, 8);
  t.match(checked.stdout, /FAIL {2}scripts-url/);
  t.match(checked.stdout, /-> LABEL io\.openshift\.s2i\.scripts-url=/);
});
