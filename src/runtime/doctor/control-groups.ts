/** Which limits control groups could keep here: found by making one, and moving a process into it. */

import { makeGroup, removeGroup } from '../cgroup/group.ts';
import { ownGroupsUpwards } from '../cgroup/hierarchy.ts';
import { type Controller, controllers } from '../cgroup/settings.ts';
import type { Tools } from '../machine/tools.ts';
import type { Facts } from './facts.ts';
import type { Finding } from './report.ts';

/** What came of making a group. */
export interface GroupProbe {
  readonly controllers: readonly Controller[];
  readonly reasons: readonly string[];
}

const noRecords = { add: () => {}, remove: () => {} };

/** Makes a group as a run would, and removes it again. */
export async function probeGroups(
  tools: Tools,
  parents: readonly string[] = ownGroupsUpwards(),
): Promise<GroupProbe> {
  const { made, reasons } = await makeGroup(tools, parents, controllers, noRecords);
  if (made === undefined) return { controllers: [], reasons };
  await removeGroup(made.directory, noRecords);
  return { controllers: made.controllers, reasons };
}

/** Says what the probe means for limits, and what would help. */
export function groupFindings(facts: Facts, probe: GroupProbe): readonly Finding[] {
  const types = new Set(
    facts.mounts.filter(({ point }) => point.startsWith('/sys/fs/cgroup')).map(({ type }) => type),
  );
  const isHybrid = types.has('cgroup') && types.has('cgroup2');
  return [
    delegationFinding(facts, probe, types.has('cgroup')),
    ...(isHybrid
      ? [
          {
            ...{ id: 'cgroup.hybrid', status: 'warn' as const, fix: unifiedFix },
            detail: 'control groups v1 and v2 are both mounted; crun refuses that',
          },
        ]
      : []),
  ];
}

const unifiedFix = 'boot with systemd.unified_cgroup_hierarchy=1';

const kept: Readonly<Record<Controller, string>> = {
  memory: '--memory is watched only',
  pids: '--pids-limit is watched only',
  cpu: '--cpus means whole processors',
};

function delegationFinding(
  facts: Facts,
  { controllers: found, reasons }: GroupProbe,
  hasOld: boolean,
): Finding {
  const id = 'cgroup';
  const missing = controllers.filter((name) => !found.includes(name));
  if (missing.length === 0)
    return { id, status: 'pass', detail: `delegated to us: ${found.join(', ')}` };
  const what =
    found.length === 0
      ? 'no control group is delegated to us'
      : `delegated to us: ${found.join(', ')}, not ${missing.join(', ')}`;
  const why = reasons.length === 0 ? [] : [` (${reasons.join('; ')})`];
  const detail = `${what}${why}; ${missing.map((name) => kept[name]).join(', ')}`;
  const fix = fixFor(facts, found, hasOld);
  return { id, status: 'warn', detail, ...(fix === undefined ? {} : { fix }) };
}

/** In containers nothing can be done from inside; their own limits hold. */
function fixFor(
  { identity, surroundings, userManager }: Facts,
  found: readonly Controller[],
  hasOld: boolean,
): string | undefined {
  if (surroundings.some((name) => /kubernetes|container/.test(name))) return undefined;
  if (hasOld) return unifiedFix;
  if (found.length > 0) return 'systemctl edit user@.service: [Service] Delegate=cpu memory pids';
  if (identity.uid !== 0 && userManager)
    return 'start it as systemd-run --user --scope -p Delegate=yes s2oci ...';
  return 'see "Control groups" in docs/sandbox.md for ways to be given one';
}
