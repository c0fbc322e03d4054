/**
 * Networks in user space: the sandbox has a way out and none to this machine's own loopback.
 *
 * They need /dev/net/tun, which test machines keep for root: a pod that has it is made by root, and in it
 * everything is done by an ordinary user.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { dockerCapabilities, runInPod } from './support/pod.ts';
import type { ScenarioResult, ScenarioRun } from './support/scenario.ts';

const driver = fileURLToPath(new URL('./support/driver.ts', import.meta.url));
const executors = ['runc', 'bwrap', 'unshare'] as const;

async function inPod(runs: readonly ScenarioRun[], tunnel: boolean): Promise<ScenarioResult> {
  const pod = {
    uid: 1234,
    seccomp: 'none',
    capabilities: dockerCapabilities,
    fileCapabilities: true,
    passwd: true,
    tunnel,
  } as const;
  const script = `mkdir /volume/s && exec "$0" "$1" /volume/s <<'END'\n${JSON.stringify({ executors, runs })}\nEND`;
  const { code, stdout, stderr } = await runInPod(pod, [
    'sh',
    '-c',
    script,
    process.execPath,
    driver,
  ]);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as ScenarioResult;
}

if (process.getuid?.() !== 0) {
  t.fail('a pod with /dev/net/tun can only be made by root');
} else {
  t.test('slirp4netns and pasta lead out and not to this machine', async (t) => {
    const server = createServer((_, response) => response.end('here'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    const reach = (host: string) => `nc -w 1 ${host} ${port} </dev/null >/dev/null 2>&1; echo $?`;
    const script = `ls /sys/class/net >/dev/null; ip route | grep -c '^default'; ${reach('127.0.0.1')}; ${reach('10.0.2.2')}`;
    const result = await inPod(
      (['host', 'slirp4netns', 'pasta'] as const).map((network) => ({
        args: ['sh', '-c', script],
        network,
      })),
      true,
    );
    t.same(result.leftState, []);
    for (const name of executors) {
      const [host, slirp, pasta] = result.executors[name]?.runs ?? [];
      t.equal(host?.stdout.split('\n')[1], '0', `${name}: the host's network reaches its loopback`);
      for (const run of [slirp, pasta]) {
        t.same(run?.status, { code: 0 }, `${name}: ${run?.stderr}`);
        t.equal(run?.stdout, '1\n1\n1\n', `${name}: a way out, nobody at home`);
      }
    }
  });

  t.test('without the device the reason is told', async (t) => {
    const result = await inPod([{ args: ['true'], network: 'slirp4netns' }], false);
    for (const name of executors) {
      const [run] = result.executors[name]?.runs ?? [];
      t.match(run?.refusal, /^slirp4netns needs \/dev\/net\/tun: .+/);
    }
  });
}
