/** S07: what builds leave behind can always be removed. */

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { removeTree } from '../../../src/layer/index.ts';
import { run } from '../support/overlay.ts';
import { mapping } from '../support/scene.ts';

function scratch(): string {
  return fs.mkdtempSync(join(tmpdir(), 's2oci-remove-'));
}

function python(cwd: string, program: string): void {
  const { status, stderr } = spawnSync('python3', ['-c', program], { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

t.test('what is not there is no failure, and what is no directory goes alone', async (t) => {
  const top = scratch();
  await removeTree(`${top}/missing`);
  await removeTree(`${top}/missing/deeper`);
  fs.mkdirSync(`${top}/kept`);
  fs.writeFileSync(`${top}/kept/file`, '');
  fs.symlinkSync('kept', `${top}/link`);
  fs.linkSync(`${top}/kept/file`, `${top}/file`);
  await removeTree(`${top}/link`);
  await removeTree(`${top}/file`);
  t.same(fs.readdirSync(top), ['kept']);
  t.same(fs.readdirSync(`${top}/kept`), ['file']);
  await removeTree(top);
  t.notOk(fs.existsSync(top));
});

t.test('modes that forbid it do not', async (t) => {
  const top = scratch();
  for (const mode of [0, 0o100, 0o200, 0o300, 0o400, 0o500, 0o1777]) {
    const path = `${top}/d${mode.toString(8)}`;
    fs.mkdirSync(`${path}/inner`, { recursive: true });
    fs.writeFileSync(`${path}/inner/file`, '', { mode: 0 });
    fs.chmodSync(`${path}/inner`, mode);
    fs.chmodSync(path, mode);
  }
  if (mapping === 'full') {
    fs.chownSync(`${top}/d0`, 1234, 5678);
    fs.chmodSync(`${top}/d500`, 0o500);
    fs.chownSync(`${top}/d500`, 60_000, 60_000);
  }
  await removeTree(top);
  t.notOk(fs.existsSync(top));
});

t.test('an ordinary owner without any privilege can do it, too', async (t) => {
  const top = scratch();
  fs.mkdirSync(`${top}/a/b/c`, { recursive: true });
  for (const path of ['a/b/c', 'a/b', 'a']) fs.chmodSync(`${top}/${path}`, 0);
  const module = new URL('../../../src/layer/index.ts', import.meta.url).href;
  const program = `(await import(${JSON.stringify(module)})).removeTree(${JSON.stringify(top)})`;
  const args = ['--bounding-set=-all', '--inh-caps=-all', '--no-new-privs', process.execPath];
  run('setpriv', ...args, '--input-type=module', '-e', program);
  t.notOk(fs.existsSync(top));
});

t.test('ten thousand levels, and as many side by side', async (t) => {
  const top = scratch();
  python(top, 'import os\nfor i in range(10000): os.mkdir("d"); open("f","w"); os.chdir("d")');
  const long =
    'import os\nfor i in range(300): os.mkdir("n"*250); os.mkdir("m"*250); os.chdir("n"*250)';
  fs.mkdirSync(`${top}/long`);
  python(`${top}/long`, long);
  fs.mkdirSync(`${top}/wide`);
  for (let i = 0; i < 3000; i += 1) fs.writeFileSync(`${top}/wide/${i}`, '');
  await removeTree(top);
  t.notOk(fs.existsSync(top));
});

t.test('any name', async (t) => {
  const top = scratch();
  for (const name of ['\xff\xfe', 'new\nline', ' ', '-rf', '*', 'caf\xc3\xa9', 'x'.repeat(255)]) {
    const path = (...parts: string[]) => Buffer.from([top, ...parts].join('/'), 'latin1');
    fs.mkdirSync(path(`d${name}`.slice(0, 255)));
    fs.writeFileSync(path(`d${name}`.slice(0, 255), name), '');
    fs.symlinkSync('/etc', path(`l${name}`.slice(0, 255)));
  }
  run('mkfifo', `${top}/fifo`);
  await removeTree(top);
  t.notOk(fs.existsSync(top));
  t.ok(fs.existsSync('/etc/passwd'), 'symlinks are not followed');
});

t.test('what is mounted below is not emptied', async (t) => {
  const top = scratch();
  fs.mkdirSync(`${top}/a/mounted`, { recursive: true });
  run('mount', '-t', 'tmpfs', 'tmpfs', `${top}/a/mounted`);
  fs.writeFileSync(`${top}/a/mounted/precious`, '');
  await t.rejects(removeTree(top), { code: 'IO_FAILED', message: /mounted there/ });
  t.ok(fs.existsSync(`${top}/a/mounted/precious`));
  run('umount', `${top}/a/mounted`);
  await removeTree(top);
  t.notOk(fs.existsSync(top));
});
