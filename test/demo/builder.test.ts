/** The demo builder is a working image: programs of others read it, and what is in it runs. */

import { join } from 'node:path';
import t, { type Test } from 'tap';
import { makeDemoBuilder } from '../../examples/demo/builder.ts';
import { findTestUser, type RunOptions, run, type TestUser } from '../support/as-user.ts';

async function succeed(command: string, args: readonly string[], options: RunOptions) {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout.trim();
}

/** Unpacks the one layer of the demo builder as a user and returns how to run something in it. */
async function unpack(t: Test, user: TestUser) {
  const layout = join(t.testdir(), 'layout');
  const image = await makeDemoBuilder(layout);
  const manifest = JSON.parse(await succeed('skopeo', ['inspect', '--raw', image], {}));
  t.equal(manifest.layers.length, 1);
  const layer = join(layout, 'blobs', manifest.layers[0].digest.replace(':', '/'));
  const rootfs = await succeed('mktemp', ['--directory', '--tmpdir', 's2oci-demo-XXXXXX'], {
    user,
  });
  t.teardown(() => run('rm', ['-rf', rootfs], { user }));
  await succeed('tar', ['--extract', '--file', layer, '--directory', rootfs], { user });
  const enter = 'mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"';
  return (...command: string[]) => {
    const args = ['--map-root-user', '--mount', 'sh', '-c', enter, rootfs];
    const env = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', HOME: '/opt/app-root/src' };
    return succeed('unshare', [...args, ...command], { user, env });
  };
}

/** A project whose only dependency lies inside it and has an install script, so that no network is needed. */
const project = `
set -e
mkdir -p /tmp/src/greeter
cd /tmp/src
echo '{"scripts":{"build":"node -p process.version >built","start":"node main.js"},
  "dependencies":{"greeter":"file:greeter"}}' >package.json
echo '{"name":"greeter","version":"1.0.0","scripts":{"install":"echo installed >mark"}}' >greeter/package.json
echo 'exports.greeting = require("fs").readFileSync(__dirname + "/mark", "utf8").trim()' >greeter/index.js
echo 'console.log(require("greeter").greeting)' >main.js
cd /opt/app-root/src
/usr/libexec/s2i/assemble >&2
`;

t.test('the image runs Node, npm, a shell and its scripts for a user without rights', async (t) => {
  const user = await findTestUser('without-subuids');
  if (typeof user === 'string') throw new Error(user);
  const inside = await unpack(t, user);
  t.equal(await inside('node', '--print', 'process.version'), process.version);
  t.match(await inside('/usr/libexec/s2i/usage'), /s2oci build SOURCE BUILDER TAG/);
  const inHome = (script: string) => inside('sh', '-c', `cd /opt/app-root/src && ${script}`);
  t.equal(await inHome('/usr/libexec/s2i/save-artifacts'), '', 'nothing to save yet');
  await inside('sh', '-c', project);
  t.equal(
    await inHome('ls -A'),
    'built\ngreeter\nmain.js\nnode_modules\npackage-lock.json\npackage.json',
  );
  t.equal(await inside('ls', '-A', '/tmp'), 'src', 'no caches are left for the image');
  t.equal(await inHome('cat built'), process.version, 'the build script ran');
  t.equal(await inHome('/usr/libexec/s2i/run'), 'installed', 'the install script ran');
  t.match(await inHome('/usr/libexec/s2i/save-artifacts | tar -t'), /^node_modules\//);
  t.match(await inside('npm', '--version'), /^\d+\.\d+\.\d+$/);
});
