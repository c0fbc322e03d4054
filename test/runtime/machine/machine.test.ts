import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { readIdentity, searchTools } from '../../../src/runtime/index.ts';
import {
  capabilitiesOf,
  defaultCapabilities,
  grantable,
} from '../../../src/runtime/machine/capabilities.ts';
import { errnoIn } from '../../../src/runtime/machine/errno.ts';
import { runHelper } from '../../../src/runtime/machine/helper.ts';
import { namedLimits } from '../../../src/runtime/machine/limits.ts';
import { createTag } from '../../../src/runtime/machine/tag.ts';

t.test('programs are found in absolute directories of PATH and in the system ones', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 's2oci-tools-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'mine'), '');
  mkdirSync(join(directory, 'folder'));
  t.equal(searchTools(directory).find('mine'), undefined, 'not executable');
  chmodSync(join(directory, 'mine'), 0o755);
  t.equal(searchTools(`relative:.:${directory}`).find('mine'), join(directory, 'mine'));
  t.equal(searchTools(directory).find('folder'), undefined, 'a directory is no program');
  t.match(searchTools('/nowhere').find('chroot'), /^\/(usr\/)?s?bin\/chroot$/);
  t.equal(searchTools(undefined).find('no-such-program'), undefined);
});

t.test('helpers end in time, whatever they leave behind', async (t) => {
  const result = await runHelper('sh', ['-c', 'echo out; echo err >&2; sleep 600 & exit 3']);
  t.match(result, { code: 3, stdout: 'out\n', stderr: 'err\n', timedOut: false });
  const hung = await runHelper('sh', ['-c', 'sleep 600 & sleep 600'], { timeoutMilliseconds: 100 });
  t.match(hung, { code: undefined, timedOut: true });
  const missing = await runHelper('/no/such/program', []);
  t.match(missing, { code: undefined, stderr: /ENOENT/ });
});

t.test('messages of tools name their errno', async (t) => {
  t.equal(errnoIn('unshare: unshare failed: Operation not permitted'), 'EPERM');
  t.equal(errnoIn('No space left on device'), 'ENOSPC');
  t.equal(errnoIn('unshare: unshare failed: Function not implemented'), 'ENOSYS');
  t.equal(errnoIn('something else'), undefined);
});

t.test('capability masks have names', async (t) => {
  t.same(capabilitiesOf('0000000000000000'), []);
  t.same(capabilitiesOf('0000000000200001'), ['CAP_CHOWN', 'CAP_SYS_ADMIN']);
  t.same([...capabilitiesOf('00000000800405fb')].sort(), [...defaultCapabilities].sort());
  t.same(grantable(['CAP_SYS_ADMIN', 'CAP_CHOWN']), ['CAP_CHOWN']);
});

t.test('the identity is what /proc says', async (t) => {
  const identity = readIdentity();
  t.equal(identity.uid, process.getuid?.());
  t.equal(identity.gid, process.getgid?.());
  t.ok(identity.uidMap.length > 0);
});

t.test('limits are lowered to those of this process', async (t) => {
  const own =
    'Max processes             100                  200                  processes\nMax open files            10                   unlimited            files\n';
  t.same(namedLimits({ processes: 500, openFiles: 5000, fileSize: 7 }, own), [
    { name: 'NPROC', value: 200 },
    { name: 'NOFILE', value: 5000 },
    { name: 'FSIZE', value: 7 },
  ]);
  t.same(namedLimits(undefined, own), []);
});

t.test('a tag finds daemons that got rid of everything else', async (t) => {
  const deps = {
    tools: searchTools(process.env['PATH']),
    identity: readIdentity(),
    stateDirectory: '',
  };
  const tag = createTag(deps);
  const other = createTag(deps);
  if (tag === undefined || other === undefined) throw new Error('prlimit is not installed');
  const [file = '', ...prefix] = tag.prefix;
  const daemon =
    'setsid env -i sh -c "cd /; exec </dev/null >/dev/null 2>&1; sleep 600 & echo \\$! > $PIDFILE"';
  const pidFile = join(mkdtempSync(join(tmpdir(), 's2oci-tag-')), 'pid');
  const child = spawn(file, [...prefix, 'sh', '-c', daemon.replace('$PIDFILE', pidFile)]);
  await new Promise((resolve) => child.once('exit', resolve));
  const pid = Number(readFileSync(pidFile, 'utf8'));
  await other.killAll();
  t.doesNotThrow(() => process.kill(pid, 0), 'another tag is not ours');
  await tag.killAll();
  t.equal(isAlive(pid), false);
});

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
