/** The config file: where it is looked for, and what of it is refused. */

import { spawnSync } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { configFilePath, dataDirectory, loadConfig } from '../../src/config/index.ts';

t.test('XDG directories', async (t) => {
  const places = (env: Record<string, string>, userHome?: string) => ({ env, cwd: '/', userHome });
  t.equal(dataDirectory(places({ HOME: '/home/me' })), '/home/me/.local/share/s2oci');
  t.equal(dataDirectory(places({ HOME: '/h', XDG_DATA_HOME: '/data' })), '/data/s2oci');
  t.equal(
    dataDirectory(places({ HOME: '/h', XDG_DATA_HOME: 'relative' })),
    '/h/.local/share/s2oci',
  );
  t.equal(dataDirectory(places({}, '/home/passwd')), '/home/passwd/.local/share/s2oci');
  t.equal(dataDirectory(places({ HOME: '' }, '/home/passwd')), '/home/passwd/.local/share/s2oci');
  t.equal(configFilePath(places({ HOME: '/h' })), '/h/.config/s2oci/config.json');
  t.equal(configFilePath(places({ XDG_CONFIG_HOME: '/c' })), '/c/s2oci/config.json');
  t.equal(configFilePath(places({})), undefined);
});

t.test('L15: a user without home directory is told what to set, and can', async (t) => {
  t.throws(() => dataDirectory({ env: {}, cwd: '/' }), {
    code: 'CONFIG_INVALID',
    suggestion: /S2OCI_HOME/,
  });
  const config = await loadConfig({ env: { S2OCI_HOME: '/srv/s2oci' }, cwd: '/' }, {});
  t.equal(config.values.home, '/srv/s2oci');
});

const load = (home: string, env: Record<string, string> = {}) =>
  loadConfig({ env: { HOME: home, ...env }, cwd: home }, {});
const homeWith = (t: Test, config: string) =>
  t.testdir({ '.config': { s2oci: { 'config.json': config } } });

t.test('the file is found, or not needed', async (t) => {
  const home = homeWith(t, '{"network": "none", "home": "store"}');
  const { values, origins } = await load(home);
  t.equal(values.network, 'none');
  t.equal(values.home, join(home, '.config/s2oci/store'), 'relative to the file');
  t.equal(origins.network.name, join(home, '.config/s2oci/config.json'));
  t.equal((await load(t.testdir({}))).values.network, 'host');
  t.equal((await load(t.testdir({ '.config': 'a file' }))).values.network, 'host');
});

t.test('S2OCI_CONFIG names another file, which has to exist', async (t) => {
  const home = t.testdir({ 'other.json': '{"quiet": true}' });
  t.equal((await load(home, { S2OCI_CONFIG: 'other.json' })).values.quiet, true);
  await t.rejects(load(home, { S2OCI_CONFIG: 'gone.json' }), { code: 'CONFIG_INVALID' });
});

t.test('what is no strict JSON object is refused', async (t) => {
  const wrong = [
    '',
    '[]',
    'null',
    '{"quiet": true,}',
    '{"quiet": true, "quiet": false}',
    '{// c\n}',
  ];
  for (const content of wrong) {
    await t.rejects(
      load(homeWith(t, content)),
      { code: 'CONFIG_INVALID' },
      JSON.stringify(content),
    );
  }
});

t.test('X11: a file with __proto__ is refused and changes nothing', async (t) => {
  await t.rejects(load(homeWith(t, '{"__proto__": {"polluted": true}}')), {
    code: 'CONFIG_INVALID',
  });
  t.equal(({} as { polluted?: boolean }).polluted, undefined);
});

t.test(
  'a pipe, a directory and a huge file are refused without being read',
  { timeout: 10_000 },
  async (t) => {
    const home = t.testdir({ directory: {}, huge: '{}' });
    t.equal(spawnSync('mkfifo', [join(home, 'pipe')]).status, 0);
    truncateSync(join(home, 'huge'), 2 ** 40);
    await t.rejects(load(home, { S2OCI_CONFIG: 'pipe' }), { message: /not a regular file/ });
    await t.rejects(load(home, { S2OCI_CONFIG: 'directory' }), { message: /not a regular file/ });
    await t.rejects(load(home, { S2OCI_CONFIG: 'huge' }), { message: /larger than 1 MiB/ });
  },
);
