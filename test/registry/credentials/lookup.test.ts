/** Item 59: which credential is found for which repository, case by case. */

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import {
  type Credential,
  type CredentialSettings,
  credentialSettings,
  loadCredentials,
} from '../../../src/registry/index.ts';
import { errorOf } from '../support.ts';

const auth = (user: string, password = 'pw'): string =>
  Buffer.from(`${user}:${password}`).toString('base64');
const entry = (user: string) => ({ auth: auth(user) });

/** What is found, in short: `user:password`, `identity TOKEN`, `bearer TOKEN`, `none` or an error's code. */
function brief(credential: Credential | undefined): string {
  if (credential === undefined) return 'none';
  if (credential.kind === 'basic') return `${credential.username}:${credential.password}`;
  return `${credential.kind} ${credential.token}`;
}

interface Case {
  /** Files by path below the home directory. */
  readonly files?: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** Questions `registry/repository` and what is found. */
  readonly finds: Readonly<Record<string, string>>;
  readonly warns?: RegExp;
}

const docker = '.docker/config.json';
const user = '.config/containers/auth.json';
const runtime = 'run/containers/auth.json';

const cases: Readonly<Record<string, Case>> = {
  'no files at all': { finds: { 'example.com/app': 'none', 'docker.io/library/x': 'none' } },
  'auth is user and password': {
    files: { [docker]: { auths: { 'example.com': entry('ann') } } },
    finds: { 'example.com/app': 'ann:pw', 'other.com/app': 'none' },
  },
  'the password may hold colons': {
    files: { [docker]: { auths: { 'example.com': { auth: auth('ann', 'a:b:c') } } } },
    finds: { 'example.com/app': 'ann:a:b:c' },
  },
  'NULs at the end of the password are padding': {
    files: { [docker]: { auths: { 'example.com': { auth: auth('ann', 'pw\0\0') } } } },
    finds: { 'example.com/app': 'ann:pw' },
  },
  'username and password fields win over auth': {
    files: {
      [docker]: {
        auths: { 'example.com': { auth: auth('a', 'b'), username: 'u', password: 'p' } },
      },
    },
    finds: { 'example.com/app': 'u:p' },
  },
  'an empty entry is no credential': {
    files: {
      [docker]: { auths: { 'example.com': {} } },
      '.dockercfg': { 'example.com': entry('old') },
    },
    finds: { 'example.com/app': 'old:pw' },
  },
  'malformed base64 is passed over with a word': {
    files: { [docker]: { auths: { 'example.com': { auth: '%%%secret%%%' } } } },
    finds: { 'example.com/app': 'none' },
    warns: /auth value is malformed/,
  },
  'auth without a colon is malformed': {
    files: { [docker]: { auths: { 'example.com': { auth: 'bm9jb2xvbg==' } } } },
    finds: { 'example.com/app': 'none' },
    warns: /malformed/,
  },
  'auth without a user is malformed': {
    files: { [docker]: { auths: { 'example.com': { auth: auth('', 'pw') } } } },
    finds: { 'example.com/app': 'none' },
    warns: /malformed/,
  },
  'an identity token': {
    files: { [docker]: { auths: { 'example.com': { ...entry('x'), identitytoken: 'refresh' } } } },
    finds: { 'example.com/app': 'identity refresh' },
  },
  'a registry token': {
    files: { [docker]: { auths: { 'example.com': { registrytoken: 'as-is' } } } },
    finds: { 'example.com/app': 'bearer as-is' },
  },
  'ports are significant': {
    files: {
      [docker]: { auths: { 'example.com:5000': entry('port'), 'example.com': entry('bare') } },
    },
    finds: {
      'example.com:5000/app': 'port:pw',
      'example.com/app': 'bare:pw',
      'example.com:443/app': 'none',
    },
  },
  'hosts are compared without regard to case': {
    files: { [docker]: { auths: { 'Example.COM': entry('ann') } } },
    finds: { 'example.com/app': 'ann:pw' },
  },
  'keys with a scheme': {
    files: {
      [docker]: { auths: { 'https://example.com': entry('a'), 'http://plain.com/': entry('b') } },
    },
    finds: { 'example.com/app': 'a:pw', 'plain.com/app': 'b:pw' },
  },
  'keys with the path of an old interface': {
    files: {
      [docker]: { auths: { 'https://example.com/v2/': entry('a'), 'other.com/v1/': entry('b') } },
    },
    finds: { 'example.com/app': 'a:pw', 'other.com/app': 'b:pw' },
  },
  'a key with a scheme is not scoped to its path': {
    files: { [docker]: { auths: { 'https://example.com/team': entry('a') } } },
    finds: { 'example.com/other/app': 'a:pw' },
  },
  'item 2: Docker Hub by its canonical key': {
    files: { [docker]: { auths: { 'https://index.docker.io/v1/': entry('hub') } } },
    finds: { 'docker.io/library/ubuntu': 'hub:pw' },
  },
  'Docker Hub by its other names': {
    files: { [docker]: { auths: { 'docker.io': entry('hub') } } },
    finds: { 'docker.io/library/ubuntu': 'hub:pw' },
  },
  'Docker Hub as registry-1': {
    files: { [docker]: { auths: { 'registry-1.docker.io': entry('hub') } } },
    finds: { 'docker.io/library/ubuntu': 'hub:pw' },
  },
  'paths: the longest wins': {
    files: {
      [user]: {
        auths: {
          'example.com': entry('host'),
          'example.com/team': entry('team'),
          'example.com/team/app': entry('app'),
        },
      },
    },
    finds: {
      'example.com/team/app': 'app:pw',
      'example.com/team/other': 'team:pw',
      'example.com/teams': 'host:pw',
      'example.com/team/app/sub': 'app:pw',
    },
  },
  'paths: a credential for one path is not offered to another': {
    files: { [user]: { auths: { 'example.com/team': entry('team') } } },
    finds: { 'example.com/other': 'none', 'example.com/tea': 'none' },
  },
  'a host is never matched by a part of its name': {
    files: { [docker]: { auths: { 'example.com': entry('a'), com: entry('b') } } },
    finds: {
      'notexample.com/app': 'none',
      'example.com.evil.test/app': 'none',
      'sub.example.com/app': 'none',
    },
  },
  'the order of files: runtime, user, Docker, legacy': {
    files: {
      [runtime]: { auths: { 'a.com': entry('runtime') } },
      [user]: { auths: { 'a.com': entry('user'), 'b.com': entry('user') } },
      [docker]: {
        auths: { 'a.com': entry('docker'), 'b.com': entry('docker'), 'c.com': entry('docker') },
      },
      '.dockercfg': { 'c.com': entry('legacy'), 'd.com': entry('legacy') },
    },
    finds: {
      'a.com/x': 'runtime:pw',
      'b.com/x': 'user:pw',
      'c.com/x': 'docker:pw',
      'd.com/x': 'legacy:pw',
    },
  },
  'REGISTRY_AUTH_FILE comes first': {
    files: {
      'own.json': { auths: { 'a.com': entry('own') } },
      [runtime]: { auths: { 'a.com': entry('r'), 'b.com': entry('r') } },
    },
    environment: { REGISTRY_AUTH_FILE: 'HOME/own.json' },
    finds: { 'a.com/x': 'own:pw', 'b.com/x': 'r:pw' },
  },
  'REGISTRY_AUTH_FILE that is missing is an error': {
    environment: { REGISTRY_AUTH_FILE: 'HOME/missing.json' },
    finds: { 'a.com/x': 'CREDENTIALS_INVALID' },
  },
  'REGISTRY_AUTH_FILE may be a Kubernetes secret': {
    files: { '.dockerconfigjson': { auths: { 'a.com': entry('k8s') } } },
    environment: { REGISTRY_AUTH_FILE: 'HOME/.dockerconfigjson' },
    finds: { 'a.com/x': 'k8s:pw' },
  },
  'REGISTRY_AUTH_FILE may be a legacy Kubernetes secret': {
    files: { 'secret/.dockercfg': { 'a.com': entry('k8s') } },
    environment: { REGISTRY_AUTH_FILE: 'HOME/secret/.dockercfg' },
    finds: { 'a.com/x': 'k8s:pw' },
  },
  'DOCKER_AUTH_CONFIG comes before files': {
    files: { [docker]: { auths: { 'a.com': entry('file'), 'b.com': entry('file') } } },
    environment: { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { 'a.com': entry('inline') } }) },
    finds: { 'a.com/x': 'inline:pw', 'b.com/x': 'file:pw' },
  },
  'DOCKER_AUTH_CONFIG may hold more than auths': {
    environment: {
      DOCKER_AUTH_CONFIG: JSON.stringify({
        auths: { 'a.com': entry('x') },
        HttpHeaders: {},
        odd: 1,
      }),
    },
    finds: { 'a.com/x': 'x:pw' },
  },
  'DOCKER_AUTH_CONFIG that is no JSON is passed over with a word': {
    files: { [docker]: { auths: { 'a.com': entry('file') } } },
    environment: { DOCKER_AUTH_CONFIG: 'secret, not JSON' },
    finds: { 'a.com/x': 'file:pw' },
    warns: /DOCKER_AUTH_CONFIG is not valid JSON/,
  },
  'DOCKER_CONFIG names the directory': {
    files: {
      'elsewhere/config.json': { auths: { 'a.com': entry('else') } },
      [docker]: { auths: { 'a.com': entry('home') } },
    },
    environment: { DOCKER_CONFIG: 'HOME/elsewhere' },
    finds: { 'a.com/x': 'else:pw' },
  },
  'XDG_CONFIG_HOME names the directory': {
    files: { 'xdg/containers/auth.json': { auths: { 'a.com': entry('xdg') } } },
    environment: { XDG_CONFIG_HOME: 'HOME/xdg' },
    finds: { 'a.com/x': 'xdg:pw' },
  },
  'a directory with a Kubernetes secret': {
    files: { 'secret/.dockerconfigjson': { auths: { 'a.com': entry('k8s') } } },
    environment: { DOCKER_CONFIG: 'HOME/secret' },
    finds: { 'a.com/x': 'k8s:pw' },
  },
  'a file that is no JSON is an error': {
    files: { [docker]: 'not json, password=hunter2' },
    finds: { 'a.com/x': 'CREDENTIALS_INVALID' },
  },
  'a file that is a list is an error': {
    files: { [docker]: [] },
    finds: { 'a.com/x': 'CREDENTIALS_INVALID' },
  },
  'an empty file is none': { files: { [docker]: '' }, finds: { 'a.com/x': 'none' } },
  'a byte order mark': {
    files: { [docker]: `\uFEFF${JSON.stringify({ auths: { 'a.com': entry('bom') } })}` },
    finds: { 'a.com/x': 'bom:pw' },
  },
  'fields of odd types': {
    files: {
      [docker]: {
        auths: { 'a.com': { auth: 5, username: [], password: {} }, 'b.com': 7 },
        credHelpers: 'x',
      },
    },
    finds: { 'a.com/x': 'none', 'b.com/x': 'none' },
  },
  'a registry called __proto__': {
    files: {
      [docker]: `{"auths":{"__proto__":{"auth":"${auth('p')}"},"a.com":{"auth":"${auth('a')}"}}}`,
    },
    finds: { '__proto__/x': 'p:pw', 'constructor/x': 'none', 'a.com/x': 'a:pw' },
  },
  'HttpHeaders are not for registries': {
    files: {
      [docker]: { HttpHeaders: { Authorization: 'Basic secret' }, auths: { 'a.com': entry('a') } },
    },
    finds: { 'a.com/x': 'a:pw', 'b.com/x': 'none' },
  },
};

for (const [name, { files = {}, environment = {}, finds, warns }] of Object.entries(cases)) {
  t.test(`item 59: ${name}`, async (t) => {
    const home = t.testdir({});
    for (const [path, content] of Object.entries(files)) {
      const file = join(home, path);
      await mkdir(dirname(file), { recursive: true });
      const text = typeof content === 'string' ? content : JSON.stringify(content);
      await writeFile(file, text, { mode: 0o600 });
    }
    const variables = Object.entries(environment).map(
      ([key, value]) => [key, value.replace('HOME', home)] as const,
    );
    const settings = credentialSettings(
      { XDG_RUNTIME_DIR: join(home, 'run'), ...Object.fromEntries(variables) },
      { home, uid: 1000 },
    );
    const warnings: string[] = [];
    const provider = loadCredentials(settings, (message) => warnings.push(message));
    for (const [question, expected] of Object.entries(finds)) {
      const slash = question.indexOf('/');
      const found = await provider
        .find(question.slice(0, slash), question.slice(slash + 1))
        .then(brief, (error: { code: string; message: string }) => {
          t.notMatch(error.message, /hunter2/);
          return error.code;
        });
      t.equal(found, expected, question);
    }
    if (warns === undefined) t.same(warnings, []);
    else t.match(warnings.join('\n'), warns);
    t.notMatch(warnings.join('\n'), /secret/);
  });
}

t.test('item 59: the places without XDG_RUNTIME_DIR', async (t) => {
  const settings = credentialSettings({}, { home: '/home/ann', uid: 1234 });
  t.match(settings, {
    runtimeFile: '/run/containers/1234/auth.json',
    configFile: '/home/ann/.config/containers/auth.json',
    dockerDirectory: '/home/ann/.docker',
    legacyFile: '/home/ann/.dockercfg',
  } satisfies Partial<CredentialSettings>);
});

t.test('item 59: files that others can read are used with a warning', async (t) => {
  const home = t.testdir({
    '.docker': { 'config.json': JSON.stringify({ auths: { 'a.com': entry('a') } }) },
  });
  const { chmod } = await import('node:fs/promises');
  await chmod(join(home, docker), 0o644);
  const warnings: string[] = [];
  const provider = loadCredentials(credentialSettings({}, { home, uid: 1 }), (w) =>
    warnings.push(w),
  );
  t.equal(brief(await provider.find('a.com', 'x')), 'a:pw');
  t.match(warnings, [/can be read by other users/]);
});

t.test('item 59: R08 a FIFO or a huge file does not block or fill memory', async (t) => {
  const { execFileSync } = await import('node:child_process');
  const { truncate } = await import('node:fs/promises');
  for (const kind of ['fifo', 'huge', 'directory']) {
    const home = t.testdir({ '.docker': kind === 'directory' ? { 'config.json': {} } : {} });
    const file = join(home, docker);
    if (kind === 'fifo') execFileSync('mkfifo', [file]);
    if (kind === 'huge') {
      await writeFile(file, '{}', { mode: 0o600 });
      await truncate(file, 100 * 1024 * 1024);
    }
    const provider = loadCredentials(credentialSettings({}, { home, uid: 1 }));
    t.equal((await errorOf(provider.find('a.com', 'x'))).code, 'CREDENTIALS_INVALID', kind);
  }
});
