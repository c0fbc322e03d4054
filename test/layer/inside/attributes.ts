/** What entries look like on disk and in the index, for every kind of entry. */

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import t from 'tap';
import { type RootfsEntry, readIndex } from '../../../src/layer/index.ts';
import { byteStringOf } from '../../../src/model/index.ts';
import { device, dir, fifo, file, layer, link, symlink } from '../support/archive.ts';
import { mapping, Scene } from '../support/scene.ts';

const isFull = mapping === 'full';

function indexOf(target: string): Map<string, RootfsEntry> {
  return new Map([...readIndex(`${target}/index.jsonl`)].map((entry) => [entry.path, entry]));
}

t.test('modes are exact under any umask, special bits included', async (t) => {
  for (const umask of [0, 0o022, 0o077, 0o777]) {
    await using scene = new Scene();
    const before = process.umask(umask);
    const modes = [0o644, 0o755, 0o4755, 0o2755, 0o6711, 0o777, 0o666, 0o600, 0o444];
    const entries = modes.map((mode) => file(`f${mode.toString(8)}`, 'x', { mode }));
    const dirs = [0o755, 0o1777, 0o2775, 0o700, 0o777, 0o711];
    const target = await scene
      .unpack('out', [
        layer(...entries, ...dirs.map((mode) => dir(`d${mode.toString(8)}`, { mode }))),
      ])
      .finally(() => process.umask(before));
    for (const mode of modes) {
      const stat = fs.lstatSync(`${target}/fs/f${mode.toString(8)}`);
      t.equal(stat.mode & 0o7777, mode, `file ${mode.toString(8)}, umask ${umask.toString(8)}`);
    }
    for (const mode of dirs) {
      const stat = fs.lstatSync(`${target}/fs/d${mode.toString(8)}`);
      t.equal(stat.mode & 0o7777, mode, `directory ${mode.toString(8)}`);
    }
    t.equal(fs.lstatSync(`${target}/fs`).mode & 0o7777, 0o755, 'the root is 0755');
    t.equal(fs.lstatSync(target).mode & 0o077, 0, 'the target is private: setuid files are inert');
  }
});

t.test('what nobody may read or enter is recorded as it is, and can be removed', async (t) => {
  await using scene = new Scene();
  const target = await scene.unpack('out', [
    layer(
      ...[dir('closed', { mode: 0 }), file('closed/file', 'x', { mode: 0 })],
      ...[dir('readonly', { mode: 0o500 }), file('readonly/file', 'x', { mode: 0o444 })],
      file('late', 'x', { mode: 0 }),
      dir('closed/inner', { mode: 0 }),
    ),
  ]);
  const index = indexOf(target);
  t.equal(index.get('closed')?.mode, 0);
  t.equal(index.get('closed/file')?.mode, 0);
  t.equal(index.get('readonly')?.mode, 0o500);
  const mode = (path: string) => fs.lstatSync(`${target}/fs/${path}`).mode & 0o7777;
  t.equal(mode('closed'), isFull ? 0 : 0o700);
  t.equal(mode('closed/file'), isFull ? 0 : 0o400);
  t.equal(mode('readonly'), isFull ? 0o500 : 0o700);
  t.equal(mode('readonly/file'), 0o444);
});

t.test('owners are on disk under a full map, and in the index always', async (t) => {
  await using scene = new Scene();
  const ids = [
    [0, 0],
    [1, 1],
    [1001, 0],
    [0, 42],
    [65_534, 65_534],
  ] as const;
  const entries = ids.flatMap(([uid, gid]) => [
    file(`f${uid}.${gid}`, 'x', { uid, gid }),
    dir(`d${uid}.${gid}`, { uid, gid, mode: 0o2755 }),
    file(`d${uid}.${gid}/inner`, 'x'),
    symlink(`l${uid}.${gid}`, 'nowhere', { uid, gid }),
    file(`s${uid}.${gid}`, 'x', { uid, gid, mode: 0o6755 }),
  ]);
  const target = await scene.unpack('out', [layer(...entries)]);
  const index = indexOf(target);
  for (const [uid, gid] of ids)
    for (const kind of ['f', 'd', 'l', 's']) {
      const path = `${kind}${uid}.${gid}`;
      t.match(index.get(path), { uid, gid }, `index, ${path}`);
      const stat = fs.lstatSync(`${target}/fs/${path}`);
      const onDisk = isFull ? [uid, gid] : [0, 0];
      t.same([stat.uid, stat.gid], onDisk, `disk, ${path}`);
      if (kind === 's') t.equal(stat.mode & 0o7777, 0o6755, 'chown took no bits away');
      if (kind !== 'd') continue;
      const inner = fs.lstatSync(`${target}/fs/${path}/inner`);
      t.same([inner.uid, inner.gid], [0, 0], 'a setgid directory hands nothing down');
    }
});

t.test('an owner outside of the id map is kept in the index', async (t) => {
  await using scene = new Scene();
  const uid = 1_000_680_000;
  const target = await scene.unpack('out', [
    layer(
      file('f', 'x', { uid, mode: 0o4755 }),
      dir('d', { uid }),
      symlink('l', 'x', { uid }),
      file('f2', 'x', { uid: 5, gid: uid }),
    ),
  ]);
  const index = indexOf(target);
  for (const path of ['f', 'd', 'l']) {
    t.equal(index.get(path)?.uid, uid);
    t.equal(index.get(path)?.foreignOwner, isFull ? true : undefined);
    t.equal(fs.lstatSync(`${target}/fs/${path}`).uid, 0);
  }
  t.equal(index.get('f2')?.gid, uid);
  t.equal(fs.lstatSync(`${target}/fs/f`).mode & 0o7777, 0o4755);
});

t.test('times are those of the layer, for directories after all content', async (t) => {
  await using scene = new Scene();
  const times = ['1500000000.123456789', '0', '-1.5', '1.000000001', '4102444800.5'];
  const entries = times.flatMap((time, i) => [
    dir(`d${i}`, { time }),
    file(`d${i}/f`, 'x', { time }),
    symlink(`d${i}/l`, 'x', { time }),
  ]);
  const target = await scene.unpack('out', [layer(...entries), layer(file('d0/later', 'x'))]);
  const index = indexOf(target);
  for (const [i, time] of times.entries())
    for (const path of [`d${i}`, `d${i}/f`, `d${i}/l`]) {
      const { mtimeMs } = fs.lstatSync(`${target}/fs/${path}`);
      t.ok(Math.abs(mtimeMs - Number(time) * 1000) < 0.002, `${path} is ${mtimeMs}, ${time}`);
      const [seconds = '', fraction = ''] = time.replace('-', '').split('.');
      const exact = BigInt(seconds + fraction.padEnd(9, '0')) * (time.startsWith('-') ? -1n : 1n);
      t.equal(index.get(path)?.mtime, exact, 'the index has every nanosecond');
    }
});

t.test(
  'T11 devices are metadata, FIFOs are made, character device 0:0 is no whiteout',
  async (t) => {
    await using scene = new Scene();
    const first = layer(
      dir('dev'),
      device('dev/null', 'character', [1, 3], { mode: 0o666 }),
      device('dev/sda', 'block', [8, 0], { mode: 0o660 }),
      device('dev/zero-zero', 'character', [0, 0]),
      fifo('pipe', { mode: 0o622, uid: 7 }),
      link('pipe2', 'pipe'),
      link('dev/null2', 'dev/null'),
      file('dev/zero', 'x'),
      device('dev/zero', 'character', [0, 0]),
    );
    const target = await scene.unpack('out', [first, layer(file('.wh.pipe2'))]);
    t.same(fs.readdirSync(`${target}/fs/dev`), [], 'no device is on disk, least of all 0:0');
    const index = indexOf(target);
    t.match(index.get('dev/null'), {
      ...{ type: 'character-device', deviceMajor: 1, deviceMinor: 3, mode: 0o666, absent: true },
    });
    t.match(index.get('dev/sda'), { type: 'block-device', deviceMajor: 8, deviceMinor: 0 });
    t.match(index.get('dev/zero'), { type: 'character-device', absent: true });
    t.match(index.get('dev/null2'), { type: 'hardlink', linkName: 'dev/null' });
    const stat = fs.lstatSync(`${target}/fs/pipe`);
    t.ok(stat.isFIFO());
    t.equal(stat.mode & 0o7777, 0o622);
    t.equal(stat.mtimeMs, 1.5e12);
    t.notOk(index.has('pipe2'));
    const again = await scene.unpack('again', [layer(link('pipe3', 'pipe'))], { base: 'out' });
    t.equal(fs.lstatSync(`${again}/fs/pipe3`).ino, stat.ino);
    t.match(indexOf(again).get('dev/null'), { type: 'character-device', absent: true });
  },
);

t.test('FIFOs of any name neither block nor go astray', async (t) => {
  await using scene = new Scene();
  const names = ['-m', '--help', 'new\nline', 'Ã¼', '\xff', 'many'];
  const many = Array.from({ length: 450 }, (_, i) => fifo(`many/${i}`));
  const target = await scene.unpack('out', [
    layer(...names.slice(0, 5).map((n) => fifo(n)), ...many),
  ]);
  const index = indexOf(target);
  const onDisk = fs.readdirSync(`${target}/fs`, 'latin1').sort();
  t.same(onDisk, ['--help', '-m', 'many', 'new\nline', 'Ã¼']);
  t.equal(index.get('\xff')?.absent, true, 'a name that is no text stays in the index');
  t.equal(fs.readdirSync(`${target}/fs/many`).length, 450);
});

t.test('T11 extended attributes and capabilities are on disk as far as possible', async (t) => {
  await using scene = new Scene();
  const capability =
    '\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00';
  const target = await scene.unpack('out', [
    layer(
      file('ping', 'x', { mode: 0o755, xattrs: { 'security.capability': capability } }),
      file('odd \n\\name\xff', 'x', { xattrs: { 'user.bytes': '\x00\xff\n=', 'user.empty': '' } }),
      dir('d', { mode: 0o500, xattrs: { 'user.on.dir': 'v' } }),
      symlink('l', 'ping', { xattrs: { 'user.on.link': 'v' } }),
      file('storage', 'x', {
        xattrs: {
          ...{
            'trusted.overlay.opaque': 'y',
            'user.overlay.opaque': 'y',
            'user.overlay.redirect': '/x',
          },
          ...{ 'user.fuseoverlayfs.opaque': 'y', 'user.kept': 'v', 'trusted.other': 'v' },
        },
      }),
    ),
  ]);
  const index = indexOf(target);
  const listed = (path: string) =>
    spawnSync('getfattr', ['-hd', '-m', '-', '-e', 'hex', '--', path], { cwd: `${target}/fs` })
      .stdout.toString('latin1')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('# '));
  t.same(listed('ping'), [
    `security.capability=0x${Buffer.from(capability, 'latin1').toString('hex')}`,
  ]);
  t.same(listed('odd \n\\name\xff'), [], 'spawn cannot pass the name');
  t.same(index.get('odd \n\\name\xff')?.lostXattrs, undefined, 'but we stored them, by stdin');
  t.same(listed('d'), ['user.on.dir=0x76']);
  t.same(listed('storage'), ['user.kept=0x76'], 'nothing that steers an overlay is on disk');
  const recorded = [...(index.get('storage')?.xattrs.keys() ?? [])].sort();
  t.same(recorded, ['trusted.other', 'user.kept'], 'nor in the index');
  t.same(index.get('storage')?.lostXattrs, ['trusted.other']);
  t.same(index.get('l')?.lostXattrs, ['user.on.link'], 'symlinks have none of the user kind');
  t.same(
    index.get('ping')?.xattrs.get(byteStringOf('security.capability')),
    Buffer.from(capability, 'latin1'),
  );
});

t.test('names are bytes', async (t) => {
  await using scene = new Scene();
  const names = [
    '\xff\xfe',
    'a\\b',
    'C:',
    'new\nline',
    '\x1b[31m',
    '\xe2\x80\xae',
    'caf\xc3\xa9',
    'cafe\xcc\x81',
    '"quoted"',
    "it's",
    ' ',
    '~',
  ];
  const target = await scene.unpack('out', [
    layer(
      ...names.flatMap((name) => [
        file(name, name),
        dir(`d${name}`),
        file(`d${name}/${name}`, 'x'),
      ]),
    ),
  ]);
  const onDisk = new Set(fs.readdirSync(`${target}/fs`, 'latin1'));
  const index = indexOf(target);
  for (const name of names) {
    t.ok(onDisk.has(name) && onDisk.has(`d${name}`), JSON.stringify(name));
    t.equal(fs.readFileSync(Buffer.from(`${target}/fs/${name}`, 'latin1'), 'latin1'), name);
    t.equal(index.get(`d${name}/${name}`)?.type, 'file');
  }
});

t.test('paths may be as long as the limit, wherever the target lies', async (t) => {
  await using scene = new Scene();
  const deep = Array.from({ length: 16 }, (_, i) => String.fromCharCode(97 + i).repeat(250)).join(
    '/',
  );
  const path = `${deep}/${'z'.repeat(60)}`;
  const target = await scene.unpack('out', [
    layer(file(path, 'deep', { mode: 0o600 }), link('short', path), fifo(`${deep}/fifo`)),
    layer(file(`${deep}/other`, 'x'), symlink(`${deep}/l`, 'x'), dir(deep, { mode: 0o750 })),
  ]);
  t.equal(fs.readFileSync(`${target}/fs/short`, 'utf8'), 'deep');
  const index = indexOf(target);
  t.equal(index.get(path)?.size, 4);
  t.equal(index.get(`${deep}/fifo`)?.absent, true);
  const second = await scene.unpack('second', [layer(file('.wh.short'))], { base: 'out' });
  t.equal(indexOf(second).get(path)?.size, 4);
  const third = await scene.unpack('third', [layer(file(`.wh.${'a'.repeat(250)}`))], {
    base: 'out',
  });
  t.same(fs.readdirSync(`${third}/fs`), ['short']);
});
