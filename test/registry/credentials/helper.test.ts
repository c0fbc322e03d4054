/** Item 59: credential helpers that work, fail, hang and lie. */

import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  type CredentialSettings,
  eraseCredential,
  loadCredentials,
  storeCredential,
} from '../../../src/registry/index.ts';
import { errorOf } from '../support.ts';

/** Makes a home with helpers, as shell scripts, and a Docker config. */
async function makeHome(
  t: Test,
  helpers: Readonly<Record<string, string>>,
  config: object,
): Promise<{ home: string; settings: CredentialSettings }> {
  const home = t.testdir({ bin: {}, '.docker': {} });
  for (const [name, script] of Object.entries(helpers)) {
    const file = join(home, 'bin', `docker-credential-${name}`);
    await writeFile(file, `#!/bin/sh\n${script}\n`);
    await chmod(file, 0o755);
  }
  await writeFile(join(home, '.docker/config.json'), JSON.stringify(config), { mode: 0o600 });
  return {
    home,
    settings: {
      dockerDirectory: join(home, '.docker'),
      configFile: join(home, '.config/containers/auth.json'),
      helperEnvironment: { PATH: `${home}/bin:/usr/bin:/bin`, LOG: join(home, 'log') },
      helperTimeoutMs: 2000,
    },
  };
}

/** A helper that keeps one file per server. */
const keeper = `
dir="$(dirname "$LOG")/kept"; mkdir -p "$dir"
input="$(cat)"; echo "$1 $input" >> "$LOG"
case "$1" in
get) f="$dir/$(echo "$input" | tr '/:' '__')"
  if [ -f "$f" ]; then cat "$f"; else echo "credentials not found in native keychain"; exit 1; fi;;
store) server="$(echo "$input" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/')"
  echo "$input" > "$dir/$(echo "$server" | tr '/:' '__')";;
erase) rm -f "$dir/$(echo "$input" | tr '/:' '__')";;
esac`;
const answers = (username: string, secret: string): string =>
  `cat > /dev/null; echo '{"ServerURL":"x","Username":"${username}","Secret":"${secret}"}'`;

t.test('item 59: a helper for one registry wins over the store and over auths', async (t) => {
  const { settings } = await makeHome(
    t,
    { one: answers('one', 's1'), all: answers('all', 's2') },
    {
      credsStore: 'all',
      credHelpers: { 'a.com': 'one' },
      auths: { 'a.com': { auth: 'eDp5' }, 'b.com': { auth: 'eDp5' }, 'c.com': {} },
    },
  );
  const provider = loadCredentials(settings);
  t.match(await provider.find('a.com', 'x'), { username: 'one', password: 's1' });
  t.match(await provider.find('b.com', 'x'), { username: 'x', password: 'y' });
  t.match(await provider.find('c.com', 'x'), { username: 'all', origin: 'docker-credential-all' });
});

t.test('item 59: what helpers are told', async (t) => {
  const { home, settings } = await makeHome(t, { log: keeper }, { credsStore: 'log' });
  const provider = loadCredentials(settings);
  await provider.find('docker.io', 'library/ubuntu');
  await provider.find('docker.io', 'library/debian');
  await provider.find('example.com:5000', 'team/app');
  const log = await readFile(join(home, 'log'), 'utf8');
  t.equal(log, 'get https://index.docker.io/v1/\nget example.com:5000\n');
});

t.test('item 59: <token> as user name means an identity token', async (t) => {
  const { settings } = await makeHome(
    t,
    { tok: answers('<token>', 'refresh') },
    { credsStore: 'tok' },
  );
  t.match(await loadCredentials(settings).find('a.com', 'x'), {
    kind: 'identity',
    token: 'refresh',
  });
});

const failures: Readonly<Record<string, readonly [string | undefined, RegExp]>> = {
  'is missing': [undefined, /there is no such program/],
  'ends with an error': [
    'echo "keychain is locked"; exit 1',
    /ended with code 1: keychain is locked/,
  ],
  'answers with garbage': ['echo garbage', /not JSON/],
  'answers with half of it': [`echo '{"Username":"x"}'`, /no user name and secret/],
  'answers with null': ['echo null', /no user name and secret/],
  hangs: ['sleep 60', /no answer within 2 s/],
  'writes without end': ['yes | head -c 10000000', /more than 1048576 bytes/],
  'dies by a signal': ['kill -9 $$', /ended with code 1/],
  'shows control characters': ["printf '\\033[2Jx'; exit 1", /\\u\{1b\}/],
};

for (const [name, [script, why]] of Object.entries(failures)) {
  t.test(`item 59: R06 a helper that ${name} is an error, not another credential`, async (t) => {
    const { settings } = await makeHome(t, script === undefined ? {} : { bad: script }, {
      credHelpers: { 'a.com': 'bad' },
      credsStore: 'bad',
      auths: { 'a.com': { auth: 'eDp5' } },
    });
    const before = performance.now();
    const error = await errorOf(loadCredentials(settings).find('a.com', 'x'));
    t.equal(error.code, 'CREDENTIALS_INVALID');
    t.equal(error.exitCode, 6);
    t.match(error.message, why);
    t.ok(performance.now() - before < 8000);
  });
}

t.test('item 59: a helper that has nothing lets the next file speak', async (t) => {
  for (const text of [
    'credentials not found in native keychain',
    'no credentials server URL',
    'no credentials username',
  ]) {
    const { home, settings } = await makeHome(
      t,
      { none: `echo "${text}"; exit 1` },
      { credsStore: 'none' },
    );
    const legacyFile = join(home, '.dockercfg');
    await writeFile(legacyFile, JSON.stringify({ 'a.com': { auth: 'eDp5' } }), { mode: 0o600 });
    const found = await loadCredentials({ ...settings, legacyFile }).find('a.com', 'x');
    t.match(found, { username: 'x' }, text);
  }
});

t.test('item 59: a helper name that is a path is refused', async (t) => {
  const { settings } = await makeHome(t, {}, { credsStore: '../../bin/sh -c id' });
  const error = await errorOf(loadCredentials(settings).find('a.com', 'x'));
  t.match(error.message, /program name may not have/);
});

t.test('logins are kept in a file of mode 0600, with everything else in it', async (t) => {
  const { home, settings } = await makeHome(
    t,
    {},
    {
      auths: { 'https://a.com/v2/': { auth: 'b2xkOm9sZA==' }, 'b.com': { auth: 'eDp5' } },
      HttpHeaders: { 'X-Meta': 'kept' },
    },
  );
  const file = join(home, '.docker/config.json');
  t.equal(
    await storeCredential(settings, { registry: 'a.com', username: 'new', secret: 'p:w' }),
    file,
  );
  t.same(JSON.parse(await readFile(file, 'utf8')), {
    auths: {
      'b.com': { auth: 'eDp5' },
      'a.com': { auth: Buffer.from('new:p:w').toString('base64') },
    },
    HttpHeaders: { 'X-Meta': 'kept' },
  });
  t.equal((await stat(file)).mode & 0o777, 0o600);
  t.match(await loadCredentials(settings).find('a.com', 'x'), { username: 'new', password: 'p:w' });

  t.same(await eraseCredential(settings, 'a.com'), [file]);
  t.equal(await loadCredentials(settings).find('a.com', 'x'), undefined);
  t.match(await loadCredentials(settings).find('b.com', 'x'), { username: 'x' });
  t.same(await eraseCredential(settings, 'a.com'), []);
});

t.test('logins go where the registry is known already', async (t) => {
  const { home, settings } = await makeHome(t, {}, {});
  const file = join(home, '.config/containers/auth.json');
  await mkdir(join(home, '.config/containers'), { recursive: true });
  await writeFile(file, JSON.stringify({ auths: { 'a.com': { auth: 'eDp5' } } }), { mode: 0o600 });
  t.equal(await storeCredential(settings, { registry: 'a.com', username: 'n', secret: 's' }), file);
  t.match(
    await storeCredential(settings, { registry: 'c.com', username: 'n', secret: 's' }),
    /config\.json$/,
  );
  t.match(await loadCredentials(settings).find('a.com', 'x'), { username: 'n' });
});

t.test('logins go to the helper that is configured, and leave it again', async (t) => {
  const { home, settings } = await makeHome(t, { keep: keeper }, { credsStore: 'keep' });
  const registry = 'docker.io';
  t.equal(
    await storeCredential(settings, { registry, username: 'ann', secret: 'top secret' }),
    'docker-credential-keep',
  );
  const config = await readFile(join(home, '.docker/config.json'), 'utf8');
  t.notMatch(config, /ann|secret/);
  t.match(await loadCredentials(settings).find(registry, 'library/x'), {
    username: 'ann',
    password: 'top secret',
  });
  t.same(await eraseCredential(settings, registry), ['docker-credential-keep']);
  t.equal(await loadCredentials(settings).find(registry, 'library/x'), undefined);
});

t.test('a login makes the file when there is none, through a symbolic link too', async (t) => {
  const { symlink, lstat } = await import('node:fs/promises');
  const home = t.testdir({ real: { 'config.json': '{}' }, linked: {} });
  await symlink(join(home, 'real/config.json'), join(home, 'linked/config.json'));
  for (const dir of ['fresh/deep', 'linked']) {
    const settings: CredentialSettings = {
      dockerDirectory: join(home, dir),
      helperEnvironment: {},
      helperTimeoutMs: 1000,
    };
    await storeCredential(settings, { registry: 'a.com', username: 'u', secret: 's' });
    t.match(await loadCredentials(settings).find('a.com', 'x'), { username: 'u' }, dir);
  }
  t.ok((await lstat(join(home, 'linked/config.json'))).isSymbolicLink());
});

t.test('item 59: a login for a path is kept in a file, and used below the path only', async (t) => {
  const { home, settings } = await makeHome(t, { log: keeper }, { credsStore: 'log' });
  const file = join(home, '.docker/config.json');
  const team = { registry: 'Example.com/team', username: 'team', secret: 'pa:ss' };
  t.equal(await storeCredential(settings, team), file, 'no helper is told a path');
  await storeCredential(settings, { registry: 'example.com', username: 'all', secret: 's' });
  const provider = loadCredentials(settings);
  t.match(await provider.find('example.com', 'team/app'), { username: 'team', password: 'pa:ss' });
  t.match(await provider.find('example.com', 'teams/app'), { username: 'all' });
  t.equal(await provider.find('other.com', 'team/app'), undefined);
  t.strictSame(await eraseCredential(settings, 'example.com/team'), [file]);
  t.match(await loadCredentials(settings).find('example.com', 'team/app'), { username: 'all' });
  t.strictSame(await eraseCredential(settings, 'example.com/team'), [], 'nothing is left of it');
});
