/** What `--secret`, `--cache` and `--ssh` say, and what they must not. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t from 'tap';
import { mountCache, parseCache } from '../../src/pipeline/given/caches.ts';
import { readSecrets } from '../../src/pipeline/given/for-assemble.ts';
import { mountSecret, parseSecret, readSecret } from '../../src/pipeline/given/secrets.ts';
import { openSsh, parseSsh } from '../../src/pipeline/given/ssh.ts';

const here = (path: string) => resolve('/work', path);
const user = { uid: 1001, gid: 0 };

t.test('a secret comes from a file or a variable', async (t) => {
  t.same(parseSecret('id=npmrc,src=conf/npmrc', here), {
    id: 'npmrc',
    from: { kind: 'file', path: '/work/conf/npmrc' },
    target: '/run/secrets/npmrc',
  });
  const given = parseSecret('id=t,env=TOKEN,target=/etc/t,uid=5,gid=6,mode=0440', here);
  t.same(given.from, { kind: 'env', name: 'TOKEN' });
  const value = await readSecret(given, { TOKEN: 'word' });
  const owner = { uid: 5, gid: 6 };
  const mounted = { kind: 'secret', id: 't', value, target: '/etc/t', owner, mode: 0o440 };
  t.same(mountSecret(given, value, user), mounted);
  const plain = mountSecret(parseSecret('id=a,env=A', here), value, user);
  t.match(plain, { owner: user, mode: 0o400 }, 'for the user of assemble, unless said otherwise');
});

for (const text of [
  'src=x',
  'id=a',
  'id=a,src=x,env=Y',
  'id=../x,src=x',
  'id=a/b,src=x',
  'id=,src=x',
  'id=a,src=x,target=../b',
  'id=a,src=x,target=/etc/../b',
  'id=a,src=x,mode=999',
  'id=a,src=x,uid=-1',
  'id=a,src=x,uid=4294967296',
  'id=a,src=x,id=b',
  'id=a,src=x,bind-propagation=rshared',
  'id=a,src=x,__proto__=b',
]) {
  t.test(`D08: --secret ${text} is refused`, async (t) => {
    t.throws(() => parseSecret(text, here), { code: 'USAGE_INVALID' });
  });
}

t.test('a secret that is not there, or too long, or has the id of another', async (t) => {
  const secret = (text: string) => parseSecret(text, here);
  await t.rejects(readSecret(secret('id=a,env=A'), {}), { code: 'USAGE_INVALID' });
  await t.rejects(readSecret(secret('id=a,src=/nowhere'), {}), { code: 'USAGE_INVALID' });
  await t.rejects(readSecret(secret('id=a,src=/dev/zero'), {}), { code: 'LIMIT_EXCEEDED' });
  const secrets = [secret('id=a,env=A'), secret('id=a,env=B')];
  const twice = readSecrets({ secrets, caches: [], ssh: [] }, { A: '1', B: '2' });
  await t.rejects(twice, { code: 'USAGE_INVALID', message: /two secrets/ });
});

t.test('a cache is named by its target or by an id', async (t) => {
  const plain = parseCache('target=/root/.npm');
  t.same(plain, { id: '/root/.npm', target: '/root/.npm', sharing: 'shared' });
  t.match(mountCache(plain, user), { kind: 'cache', owner: user, mode: 0o755, readOnly: false });
  const all = parseCache('id=go,target=/go,sharing=locked,uid=0,gid=0,mode=0700');
  t.match(mountCache(all, user), { id: 'go', owner: { uid: 0, gid: 0 }, mode: 0o700 });
  // D01, CVE-2024-9675: an id is hashed, never a path
  t.equal(parseCache('id=../../etc,target=/x').id, '../../etc');
  for (const text of ['id=x', 'target=x', 'target=/x,sharing=mine', 'target=/', 'target=/a/../b'])
    t.throws(() => parseCache(text), { code: 'USAGE_INVALID' }, text);
});

t.test('an ssh agent is that of the environment, a socket, or keys', async (t) => {
  t.same(parseSsh('default', here), { id: 'default', paths: [] });
  t.same(parseSsh('git=key1,/key2', here), { id: 'git', paths: ['/work/key1', '/key2'] });
  for (const text of ['', '=x', 'a/b', 'default=', 'x=a,,b'])
    t.throws(() => parseSsh(text, here), { code: 'USAGE_INVALID' }, text);
  const directory = await mkdtemp(join(tmpdir(), 's2oci-ssh-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const open = (paths: readonly string[]) =>
    openSsh({ id: 'x', paths }, {}, directory, AbortSignal.timeout(60_000));
  await t.rejects(open([]), { code: 'USAGE_INVALID', message: /SSH_AUTH_SOCK/ });
  await t.rejects(open(['/nowhere']), { code: 'USAGE_INVALID' });
  await writeFile(join(directory, 'key'), 'no key', { mode: 0o600 });
  await t.rejects(open([join(directory, 'key')]), { code: 'USAGE_INVALID', message: /--ssh x: / });
});
