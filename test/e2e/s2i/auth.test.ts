/** Credentials of builds (s2i reference 2.14): which registry gets which, and none another's. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../../support/as-user.ts';
import { registryUser, startDockerRegistry } from '../../support/docker-registry.ts';
import { builderImage } from '../../support/images.ts';
import { writeTree } from '../s2i-support.ts';
import { openWorkbench, succeed } from '../support.ts';

t.setTimeout(600_000);

const bench = await openWorkbench();
t.teardown(() => bench[Symbol.asyncDispose]());
const { reference: layout } = await builderImage('busybox');
const basic = await startDockerRegistry({ auth: 'basic' });
t.teardown(() => basic[Symbol.asyncDispose]());
const token = await startDockerRegistry({ auth: 'token' });
t.teardown(() => token[Symbol.asyncDispose]());
const source = await writeTree(bench, 'source', { file: 'x' });
const auth = Buffer.from(`${registryUser.username}:${registryUser.password}`).toString('base64');
const wrong = Buffer.from('nobody:wrong').toString('base64');

/** Writes an auth file and returns the options that name it. */
async function withAuths(name: string, document: object): Promise<readonly string[]> {
  const directory = await writeTree(bench, name, { 'config.json': JSON.stringify(document) });
  const insecure = [basic.host, token.host].flatMap((host) => ['--insecure-registry', host]);
  return [...insecure, '--authfile', join(directory, 'config.json')];
}

const both = await withAuths('both', { auths: { [basic.host]: { auth }, [token.host]: { auth } } });
t.test('O1 O3 O5 builders from one registry, results to another, each with its own', async (t) => {
  for (const { host } of [basic, token])
    succeed(t, await bench.s2oci(['push', layout, `${host}/builder:1`, ...both]));
  const args = [source, `${basic.host}/builder:1`, `${token.host}/app:1`, ...both];
  const built = await bench.s2oci(['build', ...args, '--incremental']);
  succeed(t, built);
  t.notMatch(built.stderr, registryUser.password);
  const again = await bench.s2oci(['build', ...args, '--incremental', '-e', 'A=1']);
  succeed(t, again);
  t.match(again.stderr, /artifacts kept beside/, 'kept artifacts are behind the same login');
  const only = await withAuths('only', {
    auths: { [basic.host]: { auth }, [token.host]: { auth: wrong } },
  });
  const refused = await bench.s2oci(['build', ...args.slice(0, 3), ...only, '-e', 'A=2']);
  t.equal(refused.code, 6, 'what may pull may not push');
});

t.test('O2 a credential helper', async (t) => {
  const helper = `#!/bin/sh\ncat >/dev/null\necho '{"Username":"${registryUser.username}","Secret":"${registryUser.password}"}'\n`;
  const bin = await writeTree(bench, 'bin', { 'docker-credential-given': helper });
  const options = await withAuths('helped', {
    credHelpers: { [basic.host]: 'given', [token.host]: 'given' },
  });
  const env = { PATH: `${bin}:${process.env['PATH']}` };
  const args = ['build', source, `${basic.host}/builder:1`, `${token.host}/helped:1`];
  succeed(t, await bench.s2oci([...args, ...options], { env }));
});

t.test('O4 no registry sees credentials of another', async (t) => {
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(401, { 'www-authenticate': 'Basic realm="other"' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close().closeAllConnections());
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const hub = 'https://index.docker.io/v1/';
  const options = await withAuths('hub', { auths: { [hub]: { auth }, [basic.host]: { auth } } });
  const args = ['build', source, `${host}/builder:1`, 'oci:out:1', '--insecure-registry', host];
  const built = await bench.s2oci([...args, ...options]);
  t.equal(built.code, 6, built.stderr);
  t.ok(seen.length > 0);
  t.ok(
    seen.every((header) => header === undefined),
    'the original offers what it has for Docker Hub to all',
  );
});

t.test('J5 credentials of a source are in no label', async (t) => {
  const bare = join(bench.directory, 'app.git');
  await run('git', ['init', '-q', '--bare', bare]);
  const server = createServer((_request, response) => response.writeHead(404).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const address = `http://jo:sec%40ret@127.0.0.1:${port}/app.git`;
  const built = await bench.s2oci(['build', address, layout, 'oci:out:1']);
  t.equal(built.code, 4);
  t.notMatch(built.stderr, /sec(?:%40|@)ret/, 'nor in what is said');
  const written = ['build', source, layout, 'app:1', '--as-dockerfile', 'df/'];
  succeed(t, await bench.s2oci([...written, '--label', 'a=b']));
});
