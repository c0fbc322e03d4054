/**
 * Every environment people build in, recreated: doctor names the right chain and what would help, and a
 * process really runs in that chain as the user an image would set.
 */

import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { DoctorReport } from '../../src/runtime/index.ts';
import { runInPod } from './support/pod.ts';
import { environments } from './support/pods.ts';
import { noDirectories } from './support/profiles.ts';
import type { ScenarioResult } from './support/scenario.ts';

const main = (name: string) => fileURLToPath(new URL(`./support/${name}.ts`, import.meta.url));
/** Also without /proc, as after a plain chroot, a descriptor shows by being usable; a shell keeps 10 for itself. */
const listDescriptors =
  'i=3; while [ $i -lt 120 ]; do [ $i = 10 ] || { true <&$i && echo open $i; } 2>/dev/null; i=$((i+1)); done';
const imageUser = { uid: 1001, gid: 0, additionalGids: [] };

t.setTimeout(600_000);

if (process.getuid?.() !== 0) {
  t.fail('recreating pods needs root: run this test as root, what it tests is not root');
} else {
  for (const [id, environment] of Object.entries(environments)) {
    t.test(`${id}: ${environment.name}`, async (t) => {
      const { pod, chain, advice } = environment;
      const doctor = await runInPod(pod, [process.execPath, main('doctor-main'), '/volume/state']);
      t.equal(doctor.code, 0, doctor.stderr);
      const report = JSON.parse(doctor.stdout) as DoctorReport;
      const { mapping, storage, executor, isolation } = report.chain;
      t.same({ mapping, storage, executor, isolation }, chain, doctor.stdout);
      if (advice !== undefined) t.match(report.improvements.join('\n'), advice);
      if (chain.executor === 'in-builder') return;
      const scenario = {
        executors: [chain.executor],
        runs: [
          {
            args: ['sh', '-c', 'id -u; id -g; touch /work/x && stat -c %u /work/x; exit 7'],
            user: imageUser,
          },
          {
            args: ['sh', '-c', `setsid sleep 600 & ${listDescriptors}; exit 8`],
            user: imageUser,
          },
          {
            args: ['sh', '-c', 'mkdir /tmp/new; exit 9'],
            user: imageUser,
            seccomp: noDirectories,
          },
        ],
      };
      const command = [
        'bash',
        '-c',
        // X01, CVE-2024-21626: what starts us has directories open
        `exec 20</ 100</etc; mkdir /volume/s && exec "$0" "$1" /volume/s <<'END'\n${JSON.stringify(scenario)}\nEND`,
        process.execPath,
        main('driver'),
      ];
      const ran = await runInPod(pod, command);
      t.equal(ran.code, 0, ran.stderr);
      const result = JSON.parse(ran.stdout) as ScenarioResult;
      const [first, second, third] = result.executors[chain.executor]?.runs ?? [];
      t.same(first?.status, { code: 7 }, first?.stderr ?? 'it did not run');
      t.equal(first?.stdout, '1001\n0\n1001\n');
      t.same(second?.status, { code: 8 });
      t.equal(second?.stdout, '', 'X01: no descriptor of the driver is open');
      t.same(third?.status, { code: 9 });
      // a chroot sets no filter, and builds that bring one do not choose it
      const denied = "can't create directory '/tmp/new': Operation not permitted";
      t.match(
        third?.stderr,
        chain.executor === 'chroot' ? /^$/ : denied,
        'the filter is the given one',
      );
      t.same(result.leftState, []);
    });
  }
}
