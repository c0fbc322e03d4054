/** The commands on registries as a user types them: against Debian's registry and the embedded one. */

import { once } from 'node:events';
import { chmod, chown, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { silentReporter } from '../../src/events/index.ts';
import { startRegistry } from '../../src/server/index.ts';
import { type RunResult, spawnAs } from '../support/as-user.ts';
import { registryUser, startDockerRegistry } from '../support/docker-registry.ts';
import { builderImage } from '../support/images.ts';
import { openWorkbench, program, succeed, type Workbench } from './support.ts';

t.setTimeout(600_000);

const { username, password } = registryUser;
const encoded = Buffer.from(`${username}:${password}`).toString('base64');

/** A user whose home, and with it every place of credentials, is empty. */
async function openStranger() {
  const bench = await openWorkbench();
  const { directory, user } = bench;
  const home = join(directory, 'user');
  await mkdir(home);
  await chown(home, user.uid, user.gid);
  const env = { HOME: home, XDG_RUNTIME_DIR: home };
  const s2oci = (args: readonly string[], options: { input?: string; env?: object } = {}) =>
    bench.s2oci(args, { ...options, env: { ...env, ...options.env } });
  const login = (host: string, secret: string, ...more: readonly string[]) =>
    s2oci(['login', host, '-u', username, '--password-stdin', ...more], { input: `${secret}\n` });
  return {
    bench,
    home,
    env,
    s2oci,
    login,
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  };
}

function fail(t: Test, result: RunResult, code: number, message: RegExp): void {
  t.equal(result.code, code, result.stderr);
  t.match(result.stderr, message);
  t.equal(result.stdout, '');
}

/** Neither the password nor what a file or a header makes of it is ever shown. */
function keepsSecrets(t: Test, ...results: readonly RunResult[]): void {
  const shown = results.map(({ stdout, stderr }) => stdout + stderr).join('');
  for (const secret of [password, encoded]) t.notOk(shown.includes(secret), 'no secret is shown');
}

async function writeFor(bench: Workbench, path: string, text: string, mode = 0o600) {
  await writeFile(path, text);
  await chmod(path, mode);
  await chown(path, bench.user.uid, bench.user.gid);
}

for (const auth of ['basic', 'token'] as const) {
  t.test(`login to a registry with ${auth} authentication`, async (t) => {
    await using registry = await startDockerRegistry({ auth });
    await using user = await openStranger();
    const { host } = registry;
    const config = join(user.home, '.docker/config.json');
    const { reference: layout } = await builderImage('busybox');
    const image = `${host}/apps/hello:1`;

    const stranger = await user.s2oci(['push', layout, image]);
    t.equal(stranger.code, 6);
    t.match(stranger.stderr, `s2oci login ${host}`, 'the way in is named');
    const wrong = await user.login(host, 'wrong-password');
    fail(t, wrong, 6, /REGISTRY_UNAUTHORIZED.*cannot log in to/);
    t.match(wrong.stderr, /check the user name and the password/);
    t.notMatch(wrong.stderr, 'wrong-password');
    await t.rejects(stat(config), { code: 'ENOENT' }, 'what was refused is not kept');

    const login = await user.login(host, password);
    succeed(t, login);
    t.equal(login.stdout, `logged in to ${host} as ${username}; kept in ${config}\n`);
    t.equal((await stat(config)).mode & 0o777, 0o600);
    t.equal((await stat(config)).uid, user.bench.user.uid);
    t.strictSame(JSON.parse(await readFile(config, 'utf8')).auths, { [host]: { auth: encoded } });

    const pushed = await user.s2oci(['push', layout, image, '--verbose']);
    succeed(t, pushed);
    const tags = await user.s2oci(['tags', `${host}/apps/hello`]);
    t.equal(tags.stdout, '1\n');

    const logout = await user.s2oci(['logout', host]);
    succeed(t, logout);
    t.equal(logout.stdout, `logged out of ${host}; removed from ${config}\n`);
    t.strictSame(JSON.parse(await readFile(config, 'utf8')).auths, {});
    t.equal((await user.s2oci(['tags', `${host}/apps/hello`])).code, 6);
    t.match((await user.s2oci(['logout', host])).stdout, `there was no login for ${host}`);
    keepsSecrets(t, stranger, wrong, login, pushed, tags, logout);
  });
}

t.test('a password is asked for without echo', async (t) => {
  await using registry = await startDockerRegistry({ auth: 'basic' });
  await using user = await openStranger();
  const command = [process.execPath, program, 'login', registry.host].join(' ');
  // `script` gives the command a terminal, as a person at a shell would.
  const child = spawnAs('script', ['-qec', command, '/dev/null'], {
    user: user.bench.user,
    env: { ...user.env, S2OCI_HOME: user.bench.home },
    stdio: 'pipe',
  });
  let shown = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    shown += String(chunk);
  });
  const answer = async (prompt: string, text: string): Promise<void> => {
    while (!shown.includes(prompt) && child.exitCode === null) await sleep(20);
    child.stdin?.write(text);
  };
  const ended = once(child, 'close');
  await answer('Username: ', `${username}\r`);
  await answer('Password: ', `${password}x\u007f\r`);
  t.strictSame(await ended, [0, null], shown);
  t.match(shown, `logged in to ${registry.host} as ${username}`);
  t.notOk(shown.includes(password.slice(0, 3)), 'nothing of it is echoed');
});

t.test('a login goes to the helper that is configured, and to no file', async (t) => {
  await using registry = await startDockerRegistry({ auth: 'basic' });
  await using user = await openStranger();
  const { bench, home } = user;
  const { host } = registry;
  const kept = join(home, 'kept');
  const helper = join(home, 'docker-credential-test');
  const script = `#!/bin/sh
case $1 in
  store) cat > ${kept} ;;
  get) cat ${kept} 2>/dev/null || { echo credentials not found in native keychain; exit 1; } ;;
  erase) rm ${kept} ;;
esac
`;
  await writeFor(bench, helper, script, 0o755);
  const authfile = join(home, 'auth.json');
  const settings = `${JSON.stringify({ credHelpers: { [host]: 'test' }, other: 1 })}\n`;
  await writeFor(bench, authfile, settings);
  const env = { PATH: `${home}:${process.env['PATH']}`, REGISTRY_AUTH_FILE: authfile };
  const args = ['login', host, '-u', username, '--password-stdin'];
  const login = await user.s2oci(args, { input: password, env });
  succeed(t, login);
  t.match(login.stdout, /; kept in docker-credential-test\n$/);
  t.equal(await readFile(authfile, 'utf8'), settings);
  t.strictSame(JSON.parse(await readFile(kept, 'utf8')), {
    ServerURL: host,
    Username: username,
    Secret: password,
  });
  succeed(
    t,
    await user.s2oci(['login', host, '-u', username, '--password-stdin'], { input: password, env }),
  );
  const logout = await user.s2oci(['logout', host], { env });
  t.equal(logout.stdout, `logged out of ${host}; removed from docker-credential-test\n`);
  await t.rejects(stat(kept), { code: 'ENOENT' });
  keepsSecrets(t, login, logout);
});

t.test('login says what it needs, and what it could not check', async (t) => {
  await using user = await openStranger();
  await using registry = await startRegistry({
    directory: join(t.testdir({}), 'registry'),
    reporter: silentReporter,
  });
  const piped = ['--password-stdin'];
  fail(t, await user.s2oci(['login', registry.host, ...piped]), 2, /needs a user name/);
  fail(t, await user.s2oci(['login', registry.host]), 2, /no terminal[\s\S]*--password-stdin/);
  fail(t, await user.login(registry.host, ''), 2, /held nothing instead of a password/);
  for (const name of ['registry.example.com/team:1', 'team', 'bad host', 'example.com/UP'])
    fail(t, await user.login(name, 'x'), 2, /not a registry/);
  fail(t, await user.login('127.0.0.1:1', 'x'), 5, /REGISTRY_UNAVAILABLE/);
  const open = await user.login(registry.host, password);
  succeed(t, open);
  t.match(open.stderr, /lets everybody in, so the password was not checked/);
  const team = await user.login(`${registry.host}/team`, password);
  succeed(t, team);
  t.match(team.stdout, `logged in to ${registry.host}/team as `);
});

for (const kind of ['docker-registry', 'embedded'] as const) {
  const start = async (t: Test) =>
    kind === 'embedded'
      ? startRegistry({ directory: join(t.testdir({}), 'registry'), reporter: silentReporter })
      : startDockerRegistry();

  t.test(`${kind}: tags are given, listed and deleted without moving layers`, async (t) => {
    await using registry = await start(t);
    await using user = await openStranger();
    const { reference: layout } = await builderImage('busybox');
    const name = `${registry.host}/apps/hello`;
    const pushed = await user.s2oci(['push', layout, `${name}:1`]);
    succeed(t, pushed);
    const digest = pushed.stdout.trim().split('@')[1] ?? '';

    const tagged = await user.s2oci(['tag', `${name}:1`, '1.0', `${name}:latest`, '1.0']);
    succeed(t, tagged);
    t.equal(tagged.stdout, `${name}:1.0@${digest}\n${name}:latest@${digest}\n`);
    succeed(t, await user.s2oci(['tag', `${name}@${digest}`, 'by-digest']));
    const tags = ['1', '1.0', 'by-digest', 'latest'];
    t.equal((await user.s2oci(['tags', name])).stdout, tags.map((tag) => `${tag}\n`).join(''));
    const json = await user.s2oci(['tags', name, '--json']);
    t.strictSame(JSON.parse(json.stdout), { name, tags });

    fail(
      t,
      await user.s2oci(['tag', `${name}:1`, `${registry.host}/other:1`]),
      2,
      /another repository/,
    );
    fail(t, await user.s2oci(['tag', `${name}:none`, '2']), 7, /IMAGE_NOT_FOUND/);
    fail(t, await user.s2oci(['tags', `${name}:1`]), 2, /those of a repository/);
    fail(t, await user.s2oci(['tags', `${registry.host}/none`]), 7, /IMAGE_NOT_FOUND/);
    fail(t, await user.s2oci(['delete', name]), 2, /needs a tag or a digest/);
    fail(t, await user.s2oci(['push', layout, 'oci:./other:1']), 2, /is not in a registry/);

    const byTag = await user.s2oci(['delete', `${name}:1.0`]);
    if (kind === 'embedded') {
      t.equal(byTag.stdout, `deleted ${name}:1.0\n`);
      t.notMatch((await user.s2oci(['tags', name])).stdout, /^1\.0$/m);
    } else {
      fail(t, byTag, 5, /REGISTRY_REFUSED.*does not delete tags[\s\S]*by its digest/);
    }
    const byDigest = await user.s2oci(['delete', `${name}:1@${digest}`]);
    succeed(t, byDigest);
    t.equal(byDigest.stdout, `deleted ${name}@${digest}\n`);
    fail(t, await user.s2oci(['inspect', `${name}:latest`]), 7, /IMAGE_NOT_FOUND/);
    fail(t, await user.s2oci(['delete', `${name}@${digest}`]), 7, /IMAGE_NOT_FOUND/);
  });

  t.test(`${kind}: files are attached to images and found again`, async (t) => {
    await using registry = await start(t);
    await using user = await openStranger();
    const { reference: layout } = await builderImage('busybox');
    const image = `${registry.host}/apps/hello:1`;
    succeed(t, await user.s2oci(['push', layout, image]));
    t.equal((await user.s2oci(['referrers', image])).stdout, '');
    const sbom = '{"spdxVersion":"SPDX-2.3"}\n';
    await writeFile(join(user.bench.directory, 'sbom.json'), sbom);
    const attach = (...more: readonly string[]) =>
      user.s2oci(['attach', image, 'sbom.json', ...more]);

    const options = ['--artifact-type', 'application/spdx+json', '--annotation', 'a=b=c'];
    const attached = await attach(...options);
    succeed(t, attached);
    const artifact = attached.stdout.trim();
    t.match(artifact, /\/apps\/hello@sha256:[0-9a-f]{64}$/);
    t.equal((await attach(...options)).stdout, attached.stdout, 'attaching again changes nothing');
    succeed(t, await attach('--artifact-type', 'text/x-notes'));

    const digest = artifact.split('@')[1];
    const all = await user.s2oci(['referrers', image, '--json']);
    const { subject, referrers } = JSON.parse(all.stdout);
    t.match(subject, /\/apps\/hello@sha256:/);
    t.equal(referrers.length, 2);
    t.match(
      referrers.find((entry: { digest: string }) => entry.digest === digest),
      { artifactType: 'application/spdx+json', annotations: { a: 'b=c' } },
    );
    const some = await user.s2oci(['referrers', image, '--artifact-type', 'application/spdx+json']);
    t.equal(some.stdout, `${digest}  application/spdx+json\n`);

    const manifest = JSON.parse((await user.s2oci(['inspect', '--raw', artifact])).stdout);
    t.equal(manifest.subject.digest, subject.split('@')[1]);
    const [file] = manifest.layers;
    t.equal(file.annotations['org.opencontainers.image.title'], 'sbom.json');
    const answer = await fetch(`http://${registry.host}/v2/apps/hello/blobs/${file.digest}`);
    t.equal(await answer.text(), sbom);

    succeed(t, await user.s2oci(['delete', artifact]));
    t.match((await user.s2oci(['referrers', image])).stdout, /^sha256:\w+ {2}text\/x-notes\n$/);
    fail(t, await attach(), 2, /--artifact-type is missing/);
    fail(t, await attach('--artifact-type', 'no type'), 2, /is no media type/);
    fail(t, await attach(...options.slice(0, 2), '--annotation', 'a'), 2, /not NAME=VALUE/);
    const nothing = ['attach', image, 'missing', ...options];
    fail(t, await user.s2oci(nothing), 12, /cannot attach .*missing/);
    fail(t, await user.s2oci(['attach', image, '.', ...options]), 12, /no regular file/);
  });
}

t.test('a registry with deletion turned off is told apart', async (t) => {
  await using registry = await startDockerRegistry({ deletion: false });
  await using user = await openStranger();
  const { reference: layout } = await builderImage('busybox');
  const pushed = await user.s2oci(['push', layout, `${registry.host}/apps/hello:1`]);
  succeed(t, pushed);
  const refused = await user.s2oci(['delete', pushed.stdout.trim()]);
  fail(t, refused, 5, /REGISTRY_REFUSED.*deletion is turned off there[\s\S]*turn deletion on/);
});
