/** Settings: who wins, where a value came from, and what is refused. */

import t from 'tap';
import { mergeConfig, settingNames, settings } from '../../src/config/index.ts';
import { environmentName } from '../../src/config/settings.ts';
import type { JsonObject } from '../../src/model/index.ts';
import { executorNames } from '../../src/runtime/index.ts';

const file = (content: JsonObject) => ({
  path: '/home/me/.config/s2oci/config.json',
  directory: '/home/me/.config/s2oci',
  content,
});
const places = (env: Record<string, string> = {}) => ({
  env: { HOME: '/home/me', ...env },
  cwd: '/work',
});
const refused = (code: string, message: RegExp) => ({ name: 'BuildError', code, message });

t.test(
  'flags win over environment, file and defaults, and each value knows its origin',
  async (t) => {
    const layers = { places: places(), flags: {} };
    const content = file({ network: 'none' });
    const byDefault = mergeConfig(layers);
    t.equal(byDefault.values.network, 'host');
    t.strictSame(byDefault.origins.network, { layer: 'default', name: 'default' });
    const byFile = mergeConfig({ ...layers, file: content });
    t.equal(byFile.values.network, 'none');
    t.strictSame(byFile.origins.network, { layer: 'file', name: content.path });
    const env = places({ S2OCI_NETWORK: 'host' });
    const byEnvironment = mergeConfig({ ...layers, places: env, file: content });
    t.equal(byEnvironment.values.network, 'host');
    t.strictSame(byEnvironment.origins.network, { layer: 'environment', name: 'S2OCI_NETWORK' });
    const byFlag = mergeConfig({ places: env, file: content, flags: { network: 'none' } });
    t.equal(byFlag.values.network, 'none');
    t.strictSame(byFlag.origins.network, { layer: 'flag', name: '--network' });
  },
);

t.test('values of every kind', async (t) => {
  const { values } = mergeConfig({
    places: places({
      S2OCI_TIMEOUT: '30',
      S2OCI_VERBOSE: 'Yes',
      S2OCI_INSECURE_REGISTRY: 'a:5000, b',
      S2OCI_CA_BUNDLE: 'ca.pem',
    }),
    file: file({ compressionLevel: 3, quiet: true, authfile: '~/auth.json', home: '../store' }),
    flags: { compression: 'zstd', minIsolation: 'B', color: false, unknown: 'ignored' },
  });
  t.match(values, {
    timeout: 30,
    verbose: true,
    insecureRegistry: ['a:5000', 'b'],
    caBundle: '/work/ca.pem',
    compressionLevel: 3,
    quiet: true,
    authfile: '/home/me/auth.json',
    home: '/home/me/.config/store',
    compression: 'zstd',
    minIsolation: 'B',
    color: 'never',
  });
});

t.test('a flag that commander fills in with true is no word on colours', async (t) => {
  const { origins } = mergeConfig({ places: places(), flags: { color: true } });
  t.strictSame(origins.color, { layer: 'default', name: 'default' });
});

t.test('NO_COLOR counts when it is not empty, and ours counts more', async (t) => {
  const color = (env: Record<string, string>) => mergeConfig({ places: places(env), flags: {} });
  t.equal(color({ NO_COLOR: '1' }).values.color, 'never');
  t.strictSame(color({ NO_COLOR: '1' }).origins.color, { layer: 'environment', name: 'NO_COLOR' });
  t.equal(color({ NO_COLOR: '' }).values.color, 'auto');
  t.equal(color({ FORCE_COLOR: '1' }).values.color, 'always');
  t.equal(color({ FORCE_COLOR: '0' }).values.color, 'never');
  t.equal(color({ NO_COLOR: '1', FORCE_COLOR: '1' }).values.color, 'never');
  t.equal(color({ NO_COLOR: '1', S2OCI_COLOR: 'always' }).values.color, 'always');
});

t.test('an empty variable says nothing', async (t) => {
  const { values } = mergeConfig({ places: places({ S2OCI_NETWORK: '' }), flags: {} });
  t.equal(values.network, 'host');
});

t.test('wrong values are refused with their place and what they must be', async (t) => {
  const merge = (layers: object) => () => mergeConfig({ places: places(), flags: {}, ...layers });
  t.throws(
    merge({ places: places({ S2OCI_TIMEOUT: '5m' }) }),
    refused('CONFIG_INVALID', /S2OCI_TIMEOUT: "5m": must be a whole number from 1 to/),
  );
  t.throws(
    merge({ file: file({ network: 'bridge' }) }),
    refused('CONFIG_INVALID', /network in \/home\/me.*"bridge": must be one of host, none/),
  );
  t.throws(
    merge({ flags: { executor: 'docker' } }),
    refused('USAGE_INVALID', /--executor: "docker": must be one of crun, runc/),
  );
  t.throws(merge({ flags: { minIsolation: 'Z' } }), refused('USAGE_INVALID', /--min-isolation/));
  const wrong: readonly JsonObject[] = [
    { timeout: '30' },
    { timeout: 0 },
    { timeout: 1.5 },
    { quiet: 'true' },
    { quiet: null },
    { home: 1 },
    { home: '' },
    { home: 'a\0b' },
    { insecureRegistry: 'a' },
    { insecureRegistry: ['a', 1] },
    { insecureRegistry: [''] },
    { color: true },
  ];
  for (const content of wrong) {
    t.throws(merge({ file: file(content) }), { code: 'CONFIG_INVALID' }, JSON.stringify(content));
  }
  for (const value of ['-1', '1e3', '0x10', ' 5', '99999999999999999']) {
    t.throws(merge({ flags: { timeout: value } }), { code: 'USAGE_INVALID' }, value);
  }
});

t.test('unknown keys are refused with what was probably meant', async (t) => {
  const merge = (content: JsonObject) => () =>
    mergeConfig({ places: places(), flags: {}, file: file(content) });
  t.throws(merge({ netwrok: 'none' }), { code: 'CONFIG_INVALID', suggestion: 'write network' });
  t.throws(merge({ zzzzzzzz: 1 }), {
    code: 'CONFIG_INVALID',
    suggestion: /settings are home, progress/,
  });
});

t.test('X11: no key reaches a prototype', async (t) => {
  for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    const content: Record<string, JsonObject> = Object.create(null);
    content[key] = { polluted: true };
    t.throws(
      () => mergeConfig({ places: places(), flags: {}, file: file(content) }),
      { code: 'CONFIG_INVALID' },
      key,
    );
  }
  t.equal(({} as { polluted?: boolean }).polluted, undefined);
  const words = ['constructor', '__proto__', 'toString'];
  for (const word of words) {
    t.throws(() => mergeConfig({ places: places({ S2OCI_QUIET: word }), flags: {} }), {
      code: 'CONFIG_INVALID',
    });
  }
});

t.test('variables that look like ours and are not are warned about', async (t) => {
  const env = {
    S2OCI_EXECUTER: 'crun',
    S2OCI_ZZZ: '1',
    S2OCI_DEBUG: '1',
    S2OCI_TEST_X: '1',
    OTHER: '1',
  };
  t.strictSame(mergeConfig({ places: places(env), flags: {} }).warnings, [
    'environment variable S2OCI_EXECUTER is not known; did you mean S2OCI_EXECUTOR?',
    'environment variable S2OCI_ZZZ is not known',
  ]);
});

t.test('every setting has a description and a variable of its own', async (t) => {
  t.equal(new Set(settingNames.map(environmentName)).size, settingNames.length);
  t.equal(environmentName('minIsolation'), 'S2OCI_MIN_ISOLATION');
  for (const name of settingNames) t.match(settings[name].description, /^[a-z].*[^.]$/, name);
});

t.test('the executors are those of the runtimes', async (t) => {
  t.equal(settings.executor.kind.expects, `one of ${executorNames.join(', ')}`);
});
