/** Named cases of capturing: the traps of overlays, of hard links, of names and of what cannot be read. */

import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import t from 'tap';
import { device, dir, fifo, file, layer, link, symlink } from '../support/archive.ts';
import { capture, entriesOf, entryAt, namesOf } from '../support/captured.ts';
import { Overlay, run } from '../support/overlay.ts';
import { mapping, Scene } from '../support/scene.ts';

const isFull = mapping === 'full';
// CAP_NET_RAW, permitted
const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex').toString(
  'latin1',
);

/** Makes the same change on an overlay and on a copy, checks that the layers are the same, and returns one. */
async function change(
  scene: Scene,
  lower: readonly Buffer[],
  build: (root: string) => void | Promise<void>,
  choices: { readonly owner?: { uid: number; gid: number }; readonly exclude?: string[] } = {},
) {
  const stored = scene.unpackHere('lower', [layer(...lower)]);
  const copy = scene.path('copy');
  run('cp', '-a', '--', `${stored}/fs`, copy);
  using overlay = new Overlay(`${stored}/fs`, scene.path('overlay'));
  await build(overlay.merged);
  await build(copy);
  const { upper, merged } = overlay;
  const captured = capture({ lower: stored, result: merged, upper, ...choices });
  const scanned = capture({ lower: stored, result: copy, ...choices });
  t.ok(scanned.bytes.equals(captured.bytes), 'overlay and scan give the same bytes');
  return captured;
}

/** Node binds no socket without listening on it, and no path may be longer than the kernel's limit. */
const bindSocket = 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])';
const nestDirectories =
  'import os,sys\nfor i in range(int(sys.argv[1])): os.mkdir(sys.argv[2]); os.chdir(sys.argv[2])';

function runPython(cwd: string, program: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync('python3', ['-c', program, ...args], {
    cwd,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
}

const base = [
  ...[dir('d'), file('d/a', 'a'), file('d/b', 'b'), dir('d/sub'), file('d/sub/x', 'x')],
  ...[file('f', 'f'), link('g', 'f'), symlink('l', 'f'), dir('empty')],
];

t.test('nothing changed gives an empty layer', async (t) => {
  await using scene = new Scene();
  const { bytes, entries } = await change(scene, base, (root) => {
    fs.readFileSync(`${root}/f`);
    fs.writeFileSync(`${root}/d/new`, 'x');
    fs.unlinkSync(`${root}/d/new`);
    fs.writeFileSync(`${root}/d/a`, 'a');
    fs.chmodSync(`${root}/d/b`, 0o600);
    fs.chmodSync(`${root}/d/b`, 0o644);
    fs.rmSync(`${root}/empty`, { recursive: true });
    fs.mkdirSync(`${root}/empty`, 0o755);
  });
  t.equal(entries, 0);
  t.ok(bytes.equals(Buffer.alloc(1024)));
});

t.test(
  'regression: whiteout hardlinks; removals are explicit, topmost, and first among the children',
  async (t) => {
    await using scene = new Scene();
    const { bytes, whiteouts } = await change(scene, base, (root) => {
      fs.rmSync(`${root}/d/sub`, { recursive: true });
      fs.unlinkSync(`${root}/d/b`);
      fs.writeFileSync(`${root}/d/0`, 'sorts before the dot');
      fs.unlinkSync(`${root}/l`);
    });
    t.same(namesOf(bytes), ['.wh.l', 'd/', 'd/.wh.b', 'd/.wh.sub', 'd/0']);
    t.equal(whiteouts, 3);
    t.match(entryAt(bytes, 'd/.wh.b'), { type: 'file', size: 0, uid: 0, gid: 0 });
  },
);

t.test('a directory made anew over a removed one has no opaque mark', async (t) => {
  await using scene = new Scene();
  const { bytes } = await change(scene, base, (root) => {
    fs.rmSync(`${root}/d`, { recursive: true });
    fs.mkdirSync(`${root}/d`, 0o755);
    fs.writeFileSync(`${root}/d/a`, 'a');
    fs.writeFileSync(`${root}/d/new`, 'new');
  });
  t.same(namesOf(bytes), ['d/', 'd/.wh.b', 'd/.wh.sub', 'd/new'], 'd/a is as it was');
});

t.test('regression: opaque on renamed dir', async (t) => {
  await using scene = new Scene();
  const { bytes } = await change(scene, base, (root) => {
    fs.mkdirSync(`${root}/tmp`);
    fs.writeFileSync(`${root}/tmp/x`, 'x');
    fs.renameSync(`${root}/tmp`, `${root}/renamed`);
  });
  t.same(namesOf(bytes), ['renamed/', 'renamed/x']);
  t.equal(entryAt(bytes, 'renamed')?.xattrs.size, 0);
});

t.test('one kind in place of another needs no whiteout', async (t) => {
  await using scene = new Scene();
  const { bytes } = await change(scene, base, (root) => {
    fs.rmSync(`${root}/d`, { recursive: true });
    fs.writeFileSync(`${root}/d`, 'now a file');
    fs.unlinkSync(`${root}/f`);
    fs.mkdirSync(`${root}/f`);
    fs.writeFileSync(`${root}/f/in`, 'x');
    fs.unlinkSync(`${root}/l`);
    fs.symlinkSync('elsewhere', `${root}/l`);
  });
  t.same(namesOf(bytes), ['d', 'f/', 'f/in', 'l']);
  t.equal(entryAt(bytes, 'l')?.linkName, 'elsewhere');
});

t.test('hard links of the layer are links, those to what is below are files', async (t) => {
  await using scene = new Scene();
  const { bytes } = await change(scene, base, (root) => {
    fs.mkdirSync(`${root}/z`);
    fs.writeFileSync(`${root}/z/first`, 'content', { mode: 0o640 });
    fs.linkSync(`${root}/z/first`, `${root}/a-link`);
    fs.linkSync(`${root}/z/first`, `${root}/z/second`);
    fs.linkSync(`${root}/d/a`, `${root}/z/of-lower`);
    fs.linkSync(`${root}/l`, `${root}/z/symlink`);
  });
  t.same(namesOf(bytes), ['a-link', 'z/', 'z/first', 'z/of-lower', 'z/second', 'z/symlink']);
  t.match(entryAt(bytes, 'a-link'), { type: 'file', content: 'content', mode: 0o640 });
  t.match(entryAt(bytes, 'z/first'), { type: 'hardlink', linkName: 'a-link', mode: 0o640 });
  t.match(entryAt(bytes, 'z/second'), { type: 'hardlink', linkName: 'a-link' });
  t.match(entryAt(bytes, 'z/of-lower'), { type: 'file', content: 'a' });
  t.match(entryAt(bytes, 'z/symlink'), { type: 'symlink', linkName: 'f' });
});

t.test('writing to one name of a lower file leaves the other on an overlay', async (t) => {
  await using scene = new Scene();
  const stored = scene.unpackHere('lower', [layer(...base)]);
  using overlay = new Overlay(`${stored}/fs`, scene.path('overlay'));
  fs.writeFileSync(`${overlay.merged}/f`, 'changed');
  const { upper, merged } = overlay;
  const { bytes } = capture({ lower: stored, result: merged, upper });
  t.same(namesOf(bytes), ['f']);
  const again = scene.unpackHere('again', [bytes], 'lower');
  t.equal(fs.readFileSync(`${again}/fs/f`, 'utf8'), 'changed');
  t.equal(fs.readFileSync(`${again}/fs/g`, 'utf8'), 'f');
});

t.test('times: later ones become the epoch, ancestors keep theirs', async (t) => {
  await using scene = new Scene();
  const { bytes } = await change(scene, base, (root) => {
    fs.writeFileSync(`${root}/d/new`, 'x');
    fs.writeFileSync(`${root}/d/old`, 'x');
    fs.utimesSync(`${root}/d/old`, 1_000_000_000.25, 1_000_000_000.25);
    fs.chmodSync(`${root}/d/sub`, 0o711);
    fs.utimesSync(`${root}/f`, 5, 5);
  });
  t.same(namesOf(bytes), ['d/', 'd/new', 'd/old', 'd/sub/'], 'a time alone is no change');
  t.equal(entryAt(bytes, 'd')?.mtime, 1_500_000_000_000_000_000n);
  t.equal(entryAt(bytes, 'd/new')?.mtime, 1_600_000_000_000_000_000n);
  t.equal(entryAt(bytes, 'd/old')?.mtime, 1_000_000_000_250_000_000n);
  t.equal(entryAt(bytes, 'd/sub')?.mtime, 1_500_000_000_000_000_000n);
});

t.test('what is excluded neither appears nor disappears', async (t) => {
  await using scene = new Scene();
  const lower = [...base, dir('dev'), file('dev/console'), dir('run/secrets')];
  const { bytes } = await change(
    scene,
    lower,
    (root) => {
      fs.rmSync(`${root}/dev`, { recursive: true });
      fs.mkdirSync(`${root}/proc/1`, { recursive: true });
      fs.writeFileSync(`${root}/run/secrets/token`, 'stub');
      fs.writeFileSync(`${root}/run/other`, 'x');
      fs.chmodSync(`${root}/run/secrets`, 0o700);
    },
    { exclude: ['dev', 'proc', 'sys', 'run/secrets'] },
  );
  t.same(namesOf(bytes), ['run/', 'run/other']);
});

t.test('what unpacking could not put on disk is not taken for a change', async (t) => {
  await using scene = new Scene();
  const lower = [
    dir('dev2'),
    device('dev2/null', 'character', [1, 3], { mode: 0o666 }),
    file('foreign', 'x', { uid: 1_000_680_000, gid: 7 }),
    file('lost', 'x', { xattrs: { 'trusted.lost': 'v', 'user.kept': 'w' } }),
    file('cap', 'x', { mode: 0o755, xattrs: { 'security.capability': capability } }),
    file('closed', 'x', { mode: 0 }),
    dir('shut', { mode: 0 }),
    file('early', 'x', { time: '-1.75' }),
  ];
  const unchanged = await change(scene, lower, () => {});
  t.same(namesOf(unchanged.bytes), []);
  await using second = new Scene();
  const { bytes } = await change(second, lower, (root) => {
    fs.chmodSync(`${root}/foreign`, 0o600);
    fs.appendFileSync(`${root}/lost`, 'y');
    fs.writeFileSync(`${root}/dev2/zero`, '');
    fs.chmodSync(`${root}/cap`, 0o700);
  });
  t.same(namesOf(bytes), ['cap', 'dev2/', 'dev2/zero', 'foreign', 'lost']);
  t.match(entryAt(bytes, 'foreign'), { uid: 1_000_680_000, gid: 7, mode: 0o600 });
  t.same([...(entryAt(bytes, 'lost')?.xattrs.keys() ?? [])].sort(), ['trusted.lost', 'user.kept']);
  const kept = entryAt(bytes, 'cap')?.xattrs.get('security.capability' as never);
  t.equal(Buffer.from(kept ?? []).toString('latin1'), capability);
});

t.test('owners under each map', async (t) => {
  await using scene = new Scene();
  const lower = [file('old', 'x', { uid: 48, gid: 7 }), dir('home', { uid: 1001, gid: 1001 })];
  const { bytes } = await change(
    scene,
    lower,
    (root) => {
      fs.writeFileSync(`${root}/old`, 'changed');
      fs.writeFileSync(`${root}/home/new`, 'new');
      if (isFull) fs.chownSync(`${root}/home/new`, 1001, 0);
    },
    { owner: { uid: 1001, gid: 0 } },
  );
  const owners = entriesOf(bytes).map(({ path, uid, gid }) => [path, uid, gid]);
  t.same(owners, [
    ['home', 1001, 1001],
    ['home/new', 1001, 0],
    ['old', 48, 7],
  ]);
});

t.test(
  'regression: v3 capability; extended attributes are captured, storage noise is not',
  async (t) => {
    await using scene = new Scene();
    const set = (path: string, name: string, value: string) =>
      run('setfattr', '-n', name, '-v', `0x${Buffer.from(value, 'latin1').toString('hex')}`, path);
    const { bytes } = await change(scene, base, (root) => {
      fs.writeFileSync(`${root}/ping`, 'x');
      set(`${root}/ping`, 'security.capability', capability);
      set(`${root}/d/a`, 'user.bytes', '\x00\xff\n');
      set(`${root}/d`, 'user.dir', '');
      set(`${root}/empty`, 'user.empty', 'v');
    });
    const all = entriesOf(bytes).map(({ path, xattrs }) => [
      path,
      [...xattrs].map(([name, value]) => `${name}=${Buffer.from(value).toString('latin1')}`),
    ]);
    t.same(all, [
      ['d', ['user.dir=']],
      ['d/a', ['user.bytes=\x00\xff\n']],
      ['empty', ['user.empty=v']],
      ['ping', [`security.capability=${capability}`]],
    ]);
  },
);

t.test('S07 modes that forbid reading do not', async (t) => {
  await using scene = new Scene();
  const { bytes } = await change(scene, base, (root) => {
    fs.mkdirSync(`${root}/shut`);
    fs.writeFileSync(`${root}/shut/secret`, 'still read', { mode: 0 });
    fs.chmodSync(`${root}/shut`, 0);
    fs.chmodSync(`${root}/d`, 0o111);
    fs.writeFileSync(`${root}/d/sub/new`, 'x');
  });
  t.same(namesOf(bytes), ['d/', 'd/sub/', 'd/sub/new', 'shut/', 'shut/secret']);
  t.match(entryAt(bytes, 'shut'), { mode: 0 });
  t.match(entryAt(bytes, 'shut/secret'), { mode: 0, content: 'still read' });
  t.match(entryAt(bytes, 'd'), { mode: 0o111 });
});

t.test('S07 FIFOs do not block, sockets are left out with a warning', async (t) => {
  await using scene = new Scene();
  const lower = [...base, file('becomes-socket', 'x'), fifo('pipe')];
  const { bytes, warnings } = await change(scene, lower, (root) => {
    fs.unlinkSync(`${root}/becomes-socket`);
    for (const name of ['new-socket', 'becomes-socket']) runPython(root, bindSocket, name);
    run('mkfifo', '-m', '600', `${root}/fifo`);
    fs.chmodSync(`${root}/pipe`, 0o600);
  });
  t.same(namesOf(bytes), ['.wh.becomes-socket', 'fifo', 'pipe']);
  t.match(entryAt(bytes, 'fifo'), { type: 'fifo', mode: 0o600 });
  t.same(warnings, ['socket left out: "becomes-socket"', 'socket left out: "new-socket"']);
});

t.test('S07 names are bytes, and those that mean removals are refused', async (t) => {
  await using scene = new Scene();
  const names = ['\xff\xfe', 'a\\b', 'new\nline', '\x1b[31m', 'caf\xc3\xa9', ' ', '"', '.whx'];
  const { bytes } = await change(scene, base, (root) => {
    for (const name of names)
      fs.writeFileSync(Buffer.from(`${root}/${name}`, 'latin1'), Buffer.from(name, 'latin1'));
  });
  t.same(namesOf(bytes), names.toSorted());
  for (const name of names) t.equal(entryAt(bytes, name)?.content, name);
  for (const name of ['.wh.x', '.wh..wh..opq']) {
    await using second = new Scene();
    const refused = change(second, base, (root) => fs.writeFileSync(`${root}/d/${name}`, ''));
    await t.rejects(refused, { code: 'LAYER_INVALID' }, name);
  }
});

t.test('S07 what no engine could unpack is refused with its name', async (t) => {
  await using scene = new Scene();
  const deep = change(scene, base, (root) =>
    runPython(root, nestDirectories, '2000', 'dddddddddd'),
  );
  await t.rejects(deep, { code: 'LIMIT_EXCEEDED', message: /"d+\/d+.*its path is longer/ });
  await using second = new Scene();
  const huge = change(second, base, (root) => {
    fs.writeFileSync(`${root}/huge`, '');
    fs.truncateSync(`${root}/huge`, 2 ** 40);
  });
  await t.rejects(huge, { code: 'LIMIT_EXCEEDED', message: /"huge".*larger than/ });
});

t.test('paths may be as long as the limit', async (t) => {
  await using scene = new Scene();
  const parts = Array.from({ length: 20 }, (_, i) => String.fromCharCode(97 + i).repeat(200));
  const program =
    'import os,sys\nfor d in sys.argv[1:]: os.mkdir(d); os.chdir(d)\nopen("f","w").write("x")';
  const { bytes } = await change(scene, base, (root) => runPython(root, program, ...parts));
  t.equal(entryAt(bytes, `${parts.join('/')}/f`)?.content, 'x');
});

t.test('a file that shrinks while it is read ends the capture', async (t) => {
  await using scene = new Scene();
  const stored = scene.unpackHere('lower', [layer(...base)]);
  const copy = scene.path('copy');
  run('cp', '-a', '--', `${stored}/fs`, copy);
  fs.writeFileSync(`${copy}/big`, Buffer.alloc(5 * 2 ** 20));
  const { Capturing } = await import('../../../src/layer/capture/capturing.ts');
  const rules = {
    idMapping: mapping,
    owner: { uid: 0, gid: 0 },
    timestamps: 'clamp',
    epoch: 0n,
  } as const;
  using capturing = new Capturing({
    lower: stored,
    result: copy,
    upper: undefined,
    exclude: [],
    rules,
  });
  capturing.fill(new ArrayBuffer(2 ** 20));
  fs.truncateSync(`${copy}/big`, 100);
  const rest = () => {
    while (capturing.fill(new ArrayBuffer(2 ** 20))?.isLast !== true);
  };
  t.throws(rest, { code: 'IO_FAILED', message: /"big" became shorter/ });
});

t.test(
  'without getfattr GNU tar reads the attributes; without both there is a warning',
  async (t) => {
    await using scene = new Scene();
    const stored = scene.unpackHere('lower', [layer(...base)]);
    const copy = scene.path('copy');
    run('cp', '-a', '--', `${stored}/fs`, copy);
    fs.writeFileSync(`${copy}/new`, 'x'.repeat(100));
    run('setfattr', '-n', 'user.v', '-v', 'value', `${copy}/new`);
    const usual = capture({ lower: stored, result: copy });
    const path = process.env['PATH'];
    const tools = scene.path('tools');
    fs.mkdirSync(tools);
    const which = spawnSync('sh', ['-c', 'command -v tar'], { encoding: 'utf8' }).stdout.trim();
    fs.symlinkSync(which, `${tools}/tar`);
    try {
      process.env['PATH'] = tools;
      const withTar = capture({ lower: stored, result: copy });
      t.ok(withTar.bytes.equals(usual.bytes), 'the same layer');
      t.same(withTar.warnings, []);
      process.env['PATH'] = '/nonexistent';
      const without = capture({ lower: stored, result: copy });
      t.equal(entryAt(without.bytes, 'new')?.xattrs.size, 0);
      t.match(without.warnings, [/not read/]);
    } finally {
      process.env['PATH'] = path;
    }
  },
);

t.test('GNU tar and Python read the layer', async (t) => {
  await using scene = new Scene();
  const { bytes } = await change(scene, base, (root) => {
    fs.mkdirSync(`${root}/${'long'.repeat(40)}`);
    fs.writeFileSync(`${root}/${'long'.repeat(40)}/${'name'.repeat(40)}`, 'x');
    fs.symlinkSync('t'.repeat(300), `${root}/link`);
    fs.writeFileSync(`${root}/big`, Buffer.alloc(3_000_001, 7));
  });
  fs.writeFileSync(scene.path('layer.tar'), bytes);
  const listing = spawnSync('tar', ['-tf', scene.path('layer.tar')], { encoding: 'utf8' });
  t.equal(listing.status, 0);
  t.equal(listing.stderr, '');
  t.same(listing.stdout.trim().split('\n'), namesOf(bytes));
  const program =
    'import sys,tarfile; print(*[m.name for m in tarfile.open(sys.argv[1])], sep="\\n")';
  const python = spawn('python3', ['-c', program, scene.path('layer.tar')]);
  const names = await python.stdout.toArray();
  const expected = namesOf(bytes).map((name) => name.replace(/\/$/, ''));
  t.same(Buffer.concat(names).toString().trim().split('\n'), expected);
});
