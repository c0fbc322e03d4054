/** Builds in the container of the builder image itself: what is refused, and what assemble cannot reach. */

import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { type PodSetting, runInPod } from '../runtime/support/pod.ts';
import { environments } from '../runtime/support/pods.ts';
import { builderRootfs } from '../support/builder-rootfs.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { builderImage, pushBuilder } from '../support/images.ts';
import { program, succeed } from './support.ts';

t.setTimeout(900_000);

const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const node = process.execPath;
const restricted = environments['P7b']?.pod;

/** Tells what it sees of other processes, leaves a daemon that shakes off every mark, and installs nothing. */
const assemble = `#!/bin/sh
for each in /proc/[0-9]*; do
  tr '\\0' '\\n' <$each/environ | grep -q '^DOCKER_AUTH_CONFIG=' && echo "leaked by $each"
done
setsid prlimit --sigpending=1000 --msgqueue=1000 sleep 555 </dev/null >/dev/null 2>&1 &
cp -R /tmp/src/app.js ./
echo "done as $(id -u)"
`;

/** A pod of the builder image that runs shell text; busybox is small, and runs Node from a volume. */
async function inBuilder(text: string, setting: PodSetting = {}) {
  if (restricted === undefined) throw new Error('there is no P7b');
  const { directory } = await builderImage('node');
  const paths = [checkout, realpathSync(join(checkout, 'node_modules')), directory];
  const s2oci = `export S2OCI_HOME=/volume/s2oci; s2oci() { '${node}' '${program}' "$@"; }`;
  const source = `mkdir -p /volume/src/.s2i/bin; echo 1 >/volume/src/app.js
cat >/volume/src/.s2i/bin/assemble <<'SCRIPT'
${assemble}SCRIPT
chmod +x /volume/src/.s2i/bin/assemble`;
  return runInPod(restricted, ['sh', '-c', `${s2oci}\n${source}\n${text}`], {
    ...setting,
    image: await builderRootfs('node'),
    mounts: [...paths, node].map((path) => [path, path] as const),
  });
}

if (process.getuid?.() !== 0) {
  t.fail('recreating pods needs root: run this test as root, what it tests is not root');
} else {
  t.test('assemble and all it leaves are gone before anything has credentials', async (t) => {
    await using registry = await startDockerRegistry({ auth: 'basic' });
    const { reference } = await builderImage('node');
    const auth = Buffer.from('alice:pa:ss').toString('base64');
    const config = JSON.stringify({ auths: { [registry.host]: { auth } } });
    const { code, stdout, stderr } = await inBuilder(
      `s2oci copy ${reference} ${registry.host}/builders/node:24 >/dev/null 2>&1 || exit
       s2oci build /volume/src ${registry.host}/builders/node:24 ${registry.host}/apps/hello:1 || exit
       for each in /proc/[0-9]*; do tr '\\0' ' ' <$each/cmdline | grep '^sleep 555'; done
       true`,
      { env: [`DOCKER_AUTH_CONFIG=${config}`] },
    );
    succeed(t, { code, stderr });
    t.match(stdout, new RegExp(`^${registry.host}/apps/hello:1@sha256:[0-9a-f]{64}\n$`));
    t.match(stderr, 'done as 1000650000');
    t.match(stderr, /leaked by \/proc\/1\n/, 'the shell of the job has them: said below');
    t.notMatch(stderr, /leaked by \/proc\/(?!1\n)/, 'no process of ours shows them');
    t.match(stderr, 'assemble can read DOCKER_AUTH_CONFIG in the environment of process 1');
  });

  t.test('a container that is not the builder image is refused', async (t) => {
    const { reference } = await builderImage('node');
    const { code, stderr } = await inBuilder(
      `s2oci assemble /volume/src ${reference} --executor in-builder --to oci:/volume/out:1`,
      {
        prepare: 'echo >> etc/debian_version; rm usr/bin/free; touch opt/app-root/etc/new',
      },
    );
    t.equal(code, 10);
    const different = '/etc/debian_version, /opt/app-root/etc/new, /usr/bin/free is missing';
    t.match(stderr, `unchanged, and this is another one: ${different}\n`);
    t.match(stderr, 'hint: start the job in a fresh container of exactly this builder image');
  });

  t.test('what a killed build left running is ended by the next command', async (t) => {
    const { reference } = await builderImage('node');
    const { code, stdout, stderr } = await inBuilder(
      `printf '#!/bin/sh\\nsetsid sleep 666 </dev/null >/dev/null 2>&1 &\\n>/volume/up\\nsleep 60\\n' >/volume/src/.s2i/bin/assemble
       alive() { pgrep -fc '^sleep 666'; }
       '${node}' '${program}' assemble /volume/src ${reference} --executor in-builder --to oci:/volume/out:1 >&2 &
       while [ ! -e /volume/up ] && kill -0 $! ; do sleep 0.2; done
       kill -9 $!; sleep 1; alive; s2oci store prune >&2; alive; true`,
    );
    succeed(t, { code, stderr });
    t.equal(stdout, '1\n0\n', stderr);
  });

  t.test('two halves: a job without credentials, and one that runs nothing', async (t) => {
    await using registry = await startDockerRegistry();
    const { reference } = await builderImage('node');
    await pushBuilder('node', `${registry.host}/builders/node:24`);
    const { code, stdout, stderr } = await inBuilder(
      `s2oci assemble /volume/src ${registry.host}/builders/node:24 --builder-from ${reference} --to oci:/volume/out:1 || exit
       s2oci push oci:/volume/out:1 ${registry.host}/apps/hello:1 || exit
       s2oci inspect ${registry.host}/apps/hello:1`,
    );
    succeed(t, { code, stderr });
    t.match(
      stdout,
      `${registry.host}/builders/node:24`,
      'the label names the registry, not the copy',
    );
  });
}
