/** Short names: aliases, search registries and the modes of registries.conf. */

import t from 'tap';
import {
  expandShortName,
  loadRegistriesConfig,
  registriesConfigPlaces,
} from '../../../src/registry/index.ts';
import { parseRegistriesConfig } from '../../../src/registry/mirrors/parse.ts';

const digest = `sha256:${'a'.repeat(64)}`;

function expand(typed: string, text: string): readonly string[] {
  return expandShortName(typed, parseRegistriesConfig(text, 'the example'));
}

t.test('item 69: a short name stands for what its alias says, and nothing else does', async (t) => {
  const aliases =
    '[aliases]\n"fedora" = "registry.fedoraproject.org/fedora"\n"team/node" = "registry.example.com/builders/node"\n';
  for (const [typed, meant] of [
    ['fedora', 'registry.fedoraproject.org/fedora'],
    ['fedora:41', 'registry.fedoraproject.org/fedora:41'],
    [`fedora:41@${digest}`, `registry.fedoraproject.org/fedora:41@${digest}`],
    ['team/node:24', 'registry.example.com/builders/node:24'],
    ['fedora/other', 'fedora/other'],
    ['docker.io/library/fedora', 'docker.io/library/fedora'],
    ['localhost/fedora', 'localhost/fedora'],
    ['example.com/team/node', 'example.com/team/node'],
    ['docker://fedora', 'docker://fedora'],
    ['constructor', 'constructor'],
    ['', ''],
  ] as const)
    t.same(expand(typed, aliases), [meant], typed);
});

t.test('item 69: one search registry is where short names are, and only they', async (t) => {
  const text =
    'unqualified-search-registries = ["quay.example.com:5000"]\nshort-name-mode = "enforcing"';
  for (const [typed, meant] of [
    ['node', 'quay.example.com:5000/node'],
    ['team/node:24', 'quay.example.com:5000/team/node:24'],
    [`node@${digest}`, `quay.example.com:5000/node@${digest}`],
    ['docker.io/library/node', 'docker.io/library/node'],
    ['localhost:5000/node', 'localhost:5000/node'],
    ['docker://node', 'docker://node'],
  ] as const)
    t.same(expand(typed, text), [meant], typed);
});

t.test(
  'item 69: several search registries: a name is needed, unless the file says to ask them',
  async (t) => {
    const text = 'unqualified-search-registries = ["a.example.com", "docker.io"]\n';
    const names = ['a.example.com/node:24', 'docker.io/node:24'];
    for (const mode of ['', 'short-name-mode = "enforcing"'])
      t.throws(
        () => expand('node:24', `${text}${mode}`),
        {
          code: 'REFERENCE_INVALID',
          exitCode: 2,
          message: /node:24 is a short name.*a\.example\.com\/node:24, docker\.io\/node:24/,
        },
        mode,
      );
    for (const mode of ['permissive', 'disabled'])
      t.same(expand('node:24', `${text}short-name-mode = "${mode}"`), names, mode);
    t.same(expand('node:24', `${text}[aliases]\nnode = "b.example.com/node"`), [
      'b.example.com/node:24',
    ]);
    t.same(expand('b.example.com/node', text), ['b.example.com/node']);
  },
);

t.test('item 69: without a file short names are those of Docker Hub', async (t) => {
  t.same(expand('node:24', ''), ['node:24']);
});

t.test('item 69: drop-in files take back aliases and change the mode', async (t) => {
  const dir = t.testdir({
    'registries.conf':
      'short-name-mode = "enforcing"\nunqualified-search-registries = ["a.example.com", "b.example.com"]\n[aliases]\nnode = "c.example.com/node"',
    'registries.conf.d': {
      '10.conf': '[aliases]\nnode = ""',
      '20.conf': 'short-name-mode = "permissive"',
    },
  });
  const config = await loadRegistriesConfig({ directories: [dir] });
  t.same(expandShortName('node', config), ['a.example.com/node', 'b.example.com/node']);
});

t.test('item 69: what podman was answered wins over the aliases of files', async (t) => {
  const dir = t.testdir({
    config: {
      containers: {
        'registries.conf': '[aliases]\nmynode = "c.example.com/node"\nmygo = "d.test/go"',
      },
    },
    cache: {
      containers: { 'short-name-aliases.conf': '[aliases]\n  "mynode" = "b.example.com/node"\n' },
    },
  });
  const env = { XDG_CONFIG_HOME: `${dir}/config`, XDG_CACHE_HOME: `${dir}/cache` };
  const names = async (extra: Readonly<Record<string, string>> = {}) => {
    const config = await loadRegistriesConfig(
      registriesConfigPlaces({ ...env, ...extra }, '/nowhere'),
    );
    return ['mynode', 'mygo'].flatMap((name) => expandShortName(name, config));
  };
  t.same(await names(), ['b.example.com/node', 'd.test/go']);
  t.same(await names({ XDG_CACHE_HOME: `${dir}/none` }), ['c.example.com/node', 'd.test/go']);
});
