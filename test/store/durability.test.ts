/** L13: nothing becomes visible before it is on the disk, seen in the system calls; and kills at random times. */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { openStore } from '../../src/store/index.ts';
import { seed } from '../support/property.ts';
import { exampleKey, useAsBuild, writeBlobs } from './fixtures.ts';
import { childCommand, runChild } from './processes.ts';

const kills = 30;

function lacksStrace(): string | false {
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'strace is not installed';
  }
}

t.test('L13: written, synced, renamed, directory synced', { skip: lacksStrace() }, async (t) => {
  const dir = t.testdir();
  const home = join(dir, 'state');
  const { list, log } = await writeBlobs(dir, 2, 300_000);
  const trace = join(dir, 'trace');
  const calls = 'trace=openat,fsync,fdatasync,syncfs,rename,renameat,renameat2';
  const { code } = await runChild([home, 'build', list, log, exampleKey], {
    prefix: ['strace', '-f', '-y', '-s', '512', '-e', calls, '-o', trace],
  });
  t.equal(code, 0);
  const lines = (await readFile(trace, 'utf8')).split('\n');
  const renames = lines.flatMap((line, i) => {
    const match = /rename(?:at2?)?\(.*?"([^"]+)", .*?"([^"]+)"/.exec(line);
    return match === null || line.includes('= -1 ')
      ? []
      : [{ at: i, from: match[1] ?? '', to: match[2] ?? '' }];
  });
  const blobs = renames.filter(({ to }) => to.includes('/blobs/'));
  t.equal(blobs.length, 2);
  for (const { at, from, to } of renames.filter((rename) => rename.to.startsWith(home))) {
    const isTree = to === join(home, 'rootfs', exampleKey);
    const synced = isTree
      ? lines.findIndex((line) => /syncfs\(.*\.new\./.test(line))
      : lines.findIndex((line) => /(fsync|fdatasync)\(/.test(line) && line.includes(`<${from}>`));
    t.ok(synced !== -1 && synced < at, `${to} was on the disk before it got its name`);
    const parent = `<${join(to, '..')}>`;
    const after = lines.findIndex(
      (line, i) => i > at && /fsync\(/.test(line) && line.includes(parent),
    );
    t.ok(after > at, `and its name was, after that`);
  }
});

t.test('L01: kills at random times', async (t) => {
  t.setTimeout(240_000);
  t.comment(`seed ${seed}`);
  const dir = t.testdir();
  const home = join(dir, 'state');
  const { list, log, blobs } = await writeBlobs(dir, 3, 2_000_000);
  for (let i = 0; i < kills; i += 1) {
    const [command, args, options] = childCommand([home, 'build', list, log, exampleKey]);
    const child = spawn(command, args, options);
    const exited = once(child, 'exit');
    await sleep((seed * (i + 1) * 7919) % 300);
    child.kill('SIGKILL');
    await exited;
    await using store = await openStore(home);
    t.same((await store.verify()).damaged, [], `kill ${i}`);
    if (i % 3 === 2) await store.prune();
  }
  await using store = await openStore(home);
  await useAsBuild(store, blobs, log, exampleKey);
  t.match(await store.verify(), { checkedBlobs: 3, damaged: [] });
});
