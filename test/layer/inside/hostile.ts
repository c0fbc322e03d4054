/**
 * Layers that try to leave the root file system (security.md 2.1). Each ends with a look at what lies
 * beside the target. T06 restates the cases of containerd's TestBreakouts.
 */

import * as fs from 'node:fs';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { dir, file, layer, link, symlink } from '../support/archive.ts';
import { Scene } from '../support/scene.ts';

/** Follows a path inside a root as a chroot would, independently of the code under test. */
function inRoot(root: string, path: string, budget = 50): string {
  let here = '/';
  const parts = path.split('/');
  for (const [i, part] of parts.entries()) {
    const next = resolve(here, part);
    const stat = fs.lstatSync(join(root, next), { throwIfNoEntry: false });
    if (stat?.isSymbolicLink() && budget > 0) {
      const target = fs.readlinkSync(join(root, next));
      const rest = [resolve(here, target), ...parts.slice(i + 1)].join('/');
      return inRoot(root, rest, budget - 1);
    }
    here = next;
  }
  return join(root, here);
}

/** What a case looks at afterwards. */
class Outcome {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  read(path: string): string {
    return fs.readFileSync(inRoot(this.#root, path), 'latin1');
  }

  exists(path: string): boolean {
    return fs.lstatSync(join(this.#root, path), { throwIfNoEntry: false }) !== undefined;
  }

  isSame(a: string, b: string): boolean {
    const [first, second] = [a, b].map((path) => fs.statSync(inRoot(this.#root, path)));
    return first?.ino === second?.ino;
  }

  link(path: string): string {
    return fs.readlinkSync(join(this.#root, path), 'latin1');
  }
}

interface Case {
  readonly name: string;
  readonly lower?: readonly Buffer[];
  readonly entries: readonly Buffer[];
  /** The error's code; without one the layer is accepted. */
  readonly code?: string;
  readonly check?: (outcome: Outcome) => boolean;
}

const etc = [dir('etc/'), file('/etc/passwd', 'inside')];
const users = [dir('/etc/'), file('/etc/passwd', 'all users')];
const linkedEtc = [...users, symlink('localetc', '/etc')];
const unbroken = (outcome: Outcome) => outcome.read('etc/unbroken') === 'unbroken';
const same = (a: string, b: string) => (outcome: Outcome) => outcome.isSame(a, b);

const breakouts: readonly Case[] = [
  {
    name: 'SymlinkAbsolute',
    entries: [dir('etc'), symlink('localetc', '/etc'), file('/localetc/unbroken', 'unbroken')],
    check: unbroken,
  },
  {
    name: 'SymlinkUpAndOut',
    entries: [
      ...[dir('etc'), dir('dummy'), symlink('localetc', '/dummy/../etc')],
      file('/localetc/unbroken', 'unbroken'),
    ],
    check: unbroken,
  },
  {
    name: 'SymlinkMultipleAbsolute',
    entries: [
      ...[
        dir('etc'),
        dir('dummy'),
        symlink('/dummy/etc', '/etc'),
        symlink('localetc', '/dummy/etc'),
      ],
      file('/dummy/etc/unbroken', 'unbroken'),
    ],
    check: unbroken,
  },
  {
    name: 'SymlinkMultipleRelative',
    entries: [
      ...[dir('etc'), dir('dummy'), symlink('/dummy/etc', '/etc')],
      ...[symlink('localetc', './dummy/etc'), file('/dummy/etc/unbroken', 'unbroken')],
    ],
    check: unbroken,
  },
  {
    name: 'SymlinkEmptyFile',
    entries: [
      ...[dir('etc'), file('etc/emptied', 'notempty'), symlink('localetc', '/etc')],
      file('/localetc/emptied', ''),
    ],
    check: (outcome) => outcome.read('etc/emptied') === '',
  },
  {
    name: 'HardlinkRelative',
    entries: [
      ...[...etc, dir('breakouts'), symlink('breakouts/d1', '../../etc')],
      link('breakouts/mypasswd', '/breakouts/d1/passwd'),
    ],
    check: same('/breakouts/mypasswd', '/etc/passwd'),
  },
  {
    name: 'HardlinkDownAndOut',
    entries: [
      ...[...etc, dir('breakouts'), dir('downandout')],
      symlink('breakouts/d1', '../downandout/../../etc'),
      link('breakouts/mypasswd', '/breakouts/d1/passwd'),
    ],
    check: same('/breakouts/mypasswd', '/etc/passwd'),
  },
  {
    name: 'HardlinkAbsolute',
    entries: [...etc, symlink('localetc', '/etc'), link('localpasswd', '/localetc/passwd')],
    check: same('localpasswd', '/etc/passwd'),
  },
  {
    name: 'HardlinkRelativeLong',
    entries: [
      ...[...etc, symlink('localetc', '../../../../../../../etc')],
      link('localpasswd', '/localetc/passwd'),
    ],
    check: same('localpasswd', '/etc/passwd'),
  },
  {
    name: 'HardlinkRelativeUpAndOut',
    entries: [
      ...[...etc, dir('upandout'), symlink('localetc', 'upandout/../../../etc')],
      link('localpasswd', '/localetc/passwd'),
    ],
    check: same('localpasswd', '/etc/passwd'),
  },
  {
    name: 'HardlinkDirectRelative',
    entries: [...etc, link('localpasswd', '../../../../../etc/passwd')],
    check: same('localpasswd', '/etc/passwd'),
  },
  {
    name: 'HardlinkDirectAbsolute',
    entries: [...etc, link('localpasswd', '/etc/passwd')],
    check: same('localpasswd', '/etc/passwd'),
  },
  {
    name: 'SymlinkParentDirectory',
    entries: [...etc, symlink('..', '/etc/'), link('localpasswd', '/etc/passwd')],
    check: same('/localpasswd', '/etc/passwd'),
  },
  {
    name: 'SymlinkEmptyFilename',
    // Stricter than containerd: an entry has to have a name.
    entries: [...etc, symlink('', '/etc/'), link('localpasswd', '/etc/passwd')],
    code: 'TAR_INVALID',
  },
  {
    name: 'SymlinkParentRelative',
    entries: [
      ...[...etc, symlink('localetc/sub/..', '/etc/')],
      link('/localetc/localpasswd', '/etc/passwd'),
    ],
    check: same('/localetc/localpasswd', '/etc/passwd'),
  },
  {
    name: 'SymlinkSlashEnded',
    entries: [...etc, dir('localetc/'), link('/localetc/localpasswd', '/etc/passwd')],
    check: same('/localetc/localpasswd', '/etc/passwd'),
  },
  {
    name: 'SymlinkOverrideDirectory',
    lower: [...etc, dir('/localetc/')],
    entries: [symlink('localetc', '/etc'), link('/localetc/localpasswd', '/etc/passwd')],
    check: same('/localetc/localpasswd', '/etc/passwd'),
  },
  {
    name: 'SymlinkOverrideDirectoryRelative',
    lower: [...etc, dir('/localetc/')],
    entries: [symlink('localetc', '../../etc'), link('/localetc/localpasswd', '/etc/passwd')],
    check: same('/localetc/localpasswd', '/etc/passwd'),
  },
  {
    name: 'DirectoryOverrideSymlink',
    lower: [...etc, symlink('localetc', '/etc')],
    entries: [dir('/localetc/'), link('/localetc/localpasswd', '/etc/passwd')],
    check: (o) => o.isSame('/localetc/localpasswd', '/etc/passwd') && !o.exists('etc/localpasswd'),
  },
  {
    name: 'DirectoryOverrideSymlinkAndHardlink',
    lower: [...etc, symlink('localetc', 'etc'), link('/localetc/localpasswd', '/etc/passwd')],
    entries: [dir('/localetc/'), file('/localetc/localpasswd', 'different')],
    check: (o) =>
      !o.isSame('/localetc/localpasswd', '/etc/passwd') && o.read('etc/passwd') === 'inside',
  },
  { name: 'WhiteoutRootParent', lower: etc, entries: [file('.wh...')], code: 'LAYER_INVALID' },
  { name: 'WhiteoutParent', lower: etc, entries: [file('etc/.wh...')], code: 'LAYER_INVALID' },
  { name: 'WhiteoutRoot', lower: etc, entries: [file('.wh..')], code: 'LAYER_INVALID' },
  {
    name: 'WhiteoutCurrentDirectory',
    lower: etc,
    entries: [file('etc/.wh..')],
    code: 'LAYER_INVALID',
  },
  {
    name: 'WhiteoutSymlink',
    lower: linkedEtc,
    entries: [file('.wh.localetc')],
    check: (o) => o.read('etc/passwd') === 'all users' && !o.exists('localetc'),
  },
  {
    name: 'WhiteoutSymlinkPath',
    lower: [...linkedEtc, file('/etc/whitedout', 'ahhhh whiteout')],
    entries: [file('localetc/.wh.whitedout')],
    check: (o) => o.read('etc/passwd') === 'all users' && !o.exists('etc/whitedout'),
  },
  {
    name: 'WhiteoutDirectoryName',
    lower: [...linkedEtc, file('/etc/whitedout', 'ahhhh whiteout')],
    entries: [file('.wh.etc/somefile', 'non-empty')],
    check: (o) =>
      o.read('etc/passwd') === 'all users' && o.read('.wh.etc/somefile') === 'non-empty',
  },
  {
    name: 'WhiteoutDeadSymlinkParent',
    lower: [...users, symlink('localetc', '/dne')],
    entries: [file('localetc/.wh.etc')],
    check: (o) => o.read('etc/passwd') === 'all users' && !o.exists('dne'),
  },
  {
    name: 'WhiteoutRelativePath',
    lower: [...users, symlink('localetc', '/dne')],
    entries: [file('dne/../.wh.etc')],
    check: (o) => !o.exists('etc'),
  },
  {
    name: 'HardlinkSymlinkBeforeCreateTarget',
    entries: [
      ...[
        dir('etc'),
        symlink('localpasswd', '/etc/passwd'),
        link('localpasswd-dup', 'localpasswd'),
      ],
      file('/etc/passwd', 'after'),
    ],
    check: same('localpasswd-dup', '/etc/passwd'),
  },
  {
    name: 'HardlinkSymlinkRelative',
    entries: [
      ...[...etc, symlink('passwdlink', '../../../../../etc/passwd')],
      link('localpasswd', '/passwdlink'),
    ],
    check: (o) =>
      o.link('localpasswd') === o.link('passwdlink') && o.isSame('localpasswd', 'etc/passwd'),
  },
  {
    name: 'HardlinkSymlinkAbsolute',
    entries: [...etc, symlink('passwdlink', '/etc/passwd'), link('localpasswd', '/passwdlink')],
    check: (o) =>
      o.link('localpasswd') === o.link('passwdlink') && o.isSame('localpasswd', 'etc/passwd'),
  },
];

async function runCase(t: Test, scene: Scene, each: Case): Promise<void> {
  const layers = [
    ...(each.lower === undefined ? [] : [layer(...each.lower)]),
    layer(...each.entries),
  ];
  if (each.code === undefined) {
    const target = await scene.unpack('target', layers);
    t.ok(each.check?.(new Outcome(`${target}/fs`)) ?? true, 'the outcome is right');
  } else {
    await t.rejects(scene.unpack('target', layers), { code: each.code });
    t.same(fs.readdirSync(scene.path('target')), [], 'nothing is left of it');
  }
  t.same(scene.damage(), [], 'nothing changed outside');
}

for (const each of breakouts)
  t.test(`T06 ${each.name}`, async (t) => {
    await using scene = new Scene();
    await runCase(t, scene, each);
  });

t.test(
  'T06 HardlinkSymlinkChmod and T22: a link to a link to the host changes nothing there',
  async (t) => {
    await using scene = new Scene();
    const secret = scene.path('sentinel', 'secret');
    const mode = 0o777;
    const attempts = [
      [symlink(secret, secret), link('sketchy', secret, { mode, mtime: 1 })],
      [symlink('l', secret), link('hard', 'l', { mode }), file('hard', 'overwritten', { mode })],
      [symlink('l', secret), file('l', 'overwritten', { mode })],
      [symlink('l', secret), link('hard', 'l'), link('l', 'hard'), file('l/x', 'through it')],
      [link('hard', secret)],
    ];
    for (const [i, entries] of attempts.entries()) {
      const made = scene.unpack(`target${i}`, [layer(...entries)]);
      if (i < 4) await made;
      else await t.rejects(made, { code: 'LAYER_INVALID' });
      t.same(scene.damage(), [], `attempt ${i}`);
    }
  },
);

t.test('T01 CVE-2018-1102 names that lead upwards are rooted', async (t) => {
  await using scene = new Scene();
  const names = ['../../../../sentinel/secret', '/abs/secret', 'a/../../b', '././c//d/', '..', '/'];
  const target = await scene.unpack('target', [
    layer(
      ...names.slice(0, 4).map((name) => file(name, 'rooted')),
      dir('..', { mode: 0 }),
      dir('/'),
    ),
  ]);
  for (const name of ['sentinel/secret', 'abs/secret', 'b', 'c/d'])
    t.equal(fs.readFileSync(`${target}/fs/${name}`, 'utf8'), 'rooted', name);
  t.equal(fs.statSync(`${target}/fs`).mode & 0o777, 0o755, 'the root keeps its mode');
  t.same(scene.damage(), []);
});

t.test(
  'T02 CVE-2025-59343 a sibling that shares the prefix of the target is out of reach',
  async (t) => {
    await using scene = new Scene();
    for (const to of [scene.path('target-evil'), '../../target-evil', '../target-evil']) {
      const target = await scene.unpack(`target${to.length}`, [
        layer(symlink('l', to), file('l/x', 'inside'), dir('l/d'), link('l/y', 'l/x')),
      ]);
      t.equal(fs.readFileSync(inRoot(`${target}/fs`, 'l/x'), 'utf8'), 'inside');
      t.same(scene.damage(), []);
    }
  },
);

t.test('T03 CVE-2026-17106 chains of symlinks are followed inside only', async (t) => {
  await using scene = new Scene();
  const evil = scene.path('sentinel');
  const through = (name: string) => [
    file(`${name}/f`, 'x'),
    dir(`${name}/d`),
    symlink(`${name}/s`, evil),
    file(`${name}/s/deeper`, 'x'),
    file(`${name}/.wh.secret`),
    file(`${name}/.wh..wh..opq`),
  ];
  const cases: Record<string, Buffer[]> = {
    absolute: [symlink('l', '/etc'), ...through('l')],
    upwards: [symlink('l', '../../../etc'), ...through('l')],
    'to the sentinel': [symlink('l', evil), ...through('l')],
    chain: [
      symlink('a/b', '..'),
      symlink('a/b/c', '..'),
      symlink('a/b/c/e', evil),
      ...through('a/b/c/e'),
    ],
    'a directory replaced by a link': [
      dir('p'),
      file('p/f', 'x'),
      symlink('p', evil),
      ...through('p'),
    ],
    'a link replaced by a directory': [symlink('p', evil), dir('p'), ...through('p')],
  };
  for (const [name, entries] of Object.entries(cases)) {
    const lower = layer(file('.wh-like', 'x'), symlink('lower', evil));
    await scene.unpack(`t-${name}`, [lower, layer(...entries)]);
    t.same(scene.damage(), [], name);
  }
});

t.test('T03 symlinks in circles and parents that are files are refused', async (t) => {
  await using scene = new Scene();
  const cases = [
    [symlink('a', 'b'), symlink('b', 'a'), file('a/x')],
    [symlink('a', 'a'), file('a/x')],
    [symlink('a', 'a/a/a/a'), file('a/x')],
    [file('f', 'x'), file('f/x', 'x')],
    [file('f', 'x'), symlink('l', 'f'), dir('l/d')],
    [link('l', 'missing')],
    [dir('d'), link('l', 'd')],
    [file('f'), link('l', 'f/../f/x')],
    [symlink('long', 'x'.repeat(4096))],
  ];
  for (const [i, entries] of cases.entries())
    await t.rejects(scene.unpack(`t${i}`, [layer(...entries)]), { code: 'LAYER_INVALID' }, `${i}`);
  t.same(scene.damage(), []);
});

t.test('a forest of symlinks costs no more than its size', async (t) => {
  await using scene = new Scene();
  const target = '../'.repeat(1300);
  const links = Array.from({ length: 39 }, (_, i) => symlink(`l${i}`, `${target}l${i + 1}`));
  const files = Array.from({ length: 200 }, (_, i) => file(`l0/../l0/x${i}/y`, ''));
  const made = scene.unpack('t', [layer(...links, dir('l39'), ...files)]);
  await t.rejects(made, { code: 'LAYER_INVALID' }, 'more steps than any honest path has');
});

t.test('T08 whiteouts by name', async (t) => {
  const lower = [dir('d'), file('d/a', 'a'), file('d/b', 'b'), file('wh.x', 'x'), file('a', 'a')];
  const invalid = ['.wh.', 'd/.wh.', '.wh..', '.wh...', 'd/.wh...', 'd/.wh../'];
  for (const name of invalid) {
    await using scene = new Scene();
    const made = scene.unpack('t', [layer(...lower), layer(file(name))]);
    await t.rejects(made, { code: 'LAYER_INVALID' }, name);
  }
  await using scene = new Scene();
  const target = await scene.unpack('t', [
    layer(...lower),
    layer(
      ...[file('.wh.a', 'with content'), file('d/.wh..wh.plnk'), dir('.wh..wh.plnk')],
      ...[
        file('.wh..wh.plnk/1.2', 'x'),
        file('.wh..wh.aufs', 'x'),
        file('.wh.missing'),
        dir('d/.wh.b'),
      ],
      file('nodir/.wh.x'),
    ),
  ]);
  t.same(fs.readdirSync(`${target}/fs`).sort(), ['d', 'wh.x']);
  t.same(fs.readdirSync(`${target}/fs/d`), ['a']);
});

t.test('T08 an opaque mark of any type is one', async (t) => {
  for (const mark of [file, dir, (name: string) => symlink(name, 'x')]) {
    await using scene = new Scene();
    const target = await scene.unpack('t', [
      layer(dir('d'), file('d/a', 'a')),
      layer(file('d/b', 'b'), mark('d/.wh..wh..opq')),
    ]);
    t.same(fs.readdirSync(`${target}/fs/d`), ['b']);
  }
});

t.test(
  'T19 CVE-2018-20834 the last entry of a name wins, and nothing is written through a link',
  async (t) => {
    await using scene = new Scene();
    const target = await scene.unpack('t', [
      layer(file('lower', 'lower'), link('lower2', 'lower')),
      layer(
        ...[file('f', 'first'), link('g', 'f'), file('f', 'second')],
        ...[file('h', 'h'), link('i', 'h'), link('h', 'i'), link('i', 'i')],
        ...[file('x', 'file'), dir('x'), file('x/y', 'y'), symlink('x', 'f'), file('x', 'last')],
        file('lower', 'changed'),
        ...[file('./f', 'third'), file('A', 'A'), file('a', 'a'), dir('slash/'), dir('slash')],
        ...[file('stra\xc3\x9fe', '1'), file('strasse', '2'), file('caf\xc3\xa9', 'nfc')],
        file('cafe\xcc\x81', 'nfd'),
      ),
    ]);
    const read = (name: string) =>
      fs.readFileSync(Buffer.from(`${target}/fs/${name}`, 'latin1'), 'utf8');
    t.equal(read('f'), 'third');
    t.equal(read('g'), 'first');
    t.equal(read('h'), 'h');
    t.equal(read('x'), 'last');
    t.equal(read('lower'), 'changed');
    t.equal(read('lower2'), 'lower');
    t.equal(read('A') + read('a'), 'Aa');
    t.equal(read('stra\xc3\x9fe') + read('strasse'), '12');
    t.equal(read('caf\xc3\xa9') + read('cafe\xcc\x81'), 'nfcnfd');
  },
);
