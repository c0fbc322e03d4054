/** Says in words how limits are kept. */

import type { LimitKeepers, ProcessLimits } from '../ports.ts';

/** Says how limits fall short of those of a control group, where there is none for them. */
export function limitNotes({ cpus }: ProcessLimits, keepers: LimitKeepers): readonly string[] {
  const watched = (['memory', 'processes'] as const).filter((name) => keepers[name] === 'watch');
  const isRounded = keepers.cpus === 'affinity' && cpus !== undefined && !Number.isInteger(cpus);
  return [
    ...(watched.length === 0
      ? []
      : [
          `${watched.join(' and ')} ${watched[0] === 'memory' && watched.length === 1 ? 'is' : 'are'} watched every quarter of a second, not walled in by a control group: what is quicker gets further`,
        ]),
    ...(isRounded
      ? [`--cpus ${cpus} counts as ${Math.ceil(cpus)}: whole processors are given`]
      : []),
  ];
}

/** Says what keeps each limit; undefined when there is none. */
export function keepersText({ memory, processes, cpus }: LimitKeepers): string | undefined {
  const all = { memory, processes, cpus };
  const by = (keeper: string) =>
    Object.entries(all)
      .filter(([, value]) => value === keeper)
      .map(([name]) => name)
      .join(', ');
  const parts = [
    ['by a control group', by('cgroup')],
    ['watched', by('watch')],
    ['by affinity', by('affinity')],
  ].filter(([, names]) => names !== '');
  return parts.length === 0
    ? undefined
    : `limits ${parts.map(([how, names]) => `${how}: ${names}`).join('; ')}`;
}
