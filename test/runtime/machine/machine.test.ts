import { spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { killLeftovers, readIdentity, searchTools } from '../../../src/runtime/index.ts';
import {
  capabilitiesOf,
  defaultCapabilities,
  grantable,
} from '../../../src/runtime/machine/capabilities.ts';
import { errnoIn } from '../../../src/runtime/machine/errno.ts';
import { runHelper } from '../../../src/runtime/machine/helper.ts';
import { namedLimits, onProcessors } from '../../../src/runtime/machine/limits.ts';
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
  const resources = [{ name: 'nofile', soft: 5, hard: 50 }];
  t.same(namedLimits({ processes: 500, openFiles: 5000, fileSize: 7, resources }, own), [
    { name: 'NPROC', soft: 200, hard: 200 },
    { name: 'NOFILE', soft: 5000, hard: 5000 },
    { name: 'FSIZE', soft: 7, hard: 7 },
    { name: 'NOFILE', soft: 5, hard: 50 },
  ]);
  t.same(namedLimits(undefined, own), []);
});

t.test('a run is kept on as many processors as it may use, beginning anywhere', async (t) => {
  const tools = { find: (name: string) => `/bin/${name}` };
  const deps = { tools, identity: readIdentity(), stateDirectory: '/tmp' };
  const status = 'Cpus_allowed_list:\t0-2,7\n';
  t.same(onProcessors(deps, 1.5, status, 0.5), ['/bin/taskset', '--cpu-list', '2,7']);
  t.same(onProcessors(deps, 3, status, 0.99), ['/bin/taskset', '--cpu-list', '7,0,1']);
  t.same(onProcessors(deps, 4, status), [], 'all there are');
  t.same(onProcessors(deps, undefined, status), []);
});

function leftovers(t: { teardown(action: () => void): void }) {
  const directory = mkdtempSync(join(tmpdir(), 's2oci-tag-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const tools = searchTools(process.env['PATH']);
  const deps = { tools, identity: readIdentity(), stateDirectory: directory };
  const make = () => {
    const tag = createTag(deps);
    if (tag === undefined) throw new Error('prlimit is not installed');
    return tag;
  };
  return { directory, make };
}

/** Starts a daemon that gives up its session, directory, descriptors and environment. */
async function startDaemon(prefix: readonly string[], pidFile: string): Promise<number> {
  const [file = '', ...args] = prefix;
  const daemon = `cd /; exec </dev/null >/dev/null 2>&1; sleep 600 & echo $! > ${pidFile}`;
  const child = spawn(file, [...args, 'setsid', '-w', 'env', '-i', '/bin/sh', '-c', daemon]);
  await new Promise((resolve) => child.once('exit', resolve));
  return Number(readFileSync(pidFile, 'utf8'));
}

t.test('a tag finds daemons that got rid of everything else', async (t) => {
  const { directory, make } = leftovers(t);
  const [tag, other] = [make(), make()];
  const pid = await startDaemon(tag.prefix, join(directory, 'pid'));
  await other.killAll();
  t.equal(isAlive(pid), true, 'another tag is not ours');
  await tag.killAll();
  t.equal(isAlive(pid), false);
  t.same(readdirSync(directory), ['pid'], 'and no record stays');
});

t.test('L12: daemons of a killed agent are found by what it recorded', async (t) => {
  const { directory, make } = leftovers(t);
  const pid = await startDaemon(make().prefix, join(directory, 'pid'));
  await killLeftovers(directory);
  t.equal(isAlive(pid), false);
  t.same(readdirSync(directory), ['pid']);
});

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
