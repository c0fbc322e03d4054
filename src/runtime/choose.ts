/**
 * Picks the executor of a build: the first of the order that works, unless a later one isolates better
 * (rootless.md C1). Never silently below what was asked for.
 */

import { BuildError } from '../errors/index.ts';
import type { Capability, ExecutorName, IsolationLevel, RunNeeds, Runtime } from './ports.ts';

/** What is asked of the executor. */
export interface RuntimeRequest {
  /** Take this one or fail. */
  readonly executor?: ExecutorName | undefined;
  readonly minIsolation?: IsolationLevel | undefined;
  /** Who the process will be; default root. */
  readonly user?: RunNeeds['user'] | undefined;
  readonly network?: RunNeeds['network'] | undefined;
  readonly seccomp?: RunNeeds['seccomp'] | undefined;
}

/** One executor that was looked at. */
export interface Considered {
  readonly name: ExecutorName;
  readonly usable: boolean;
  /** Why it was taken or not, in words. */
  readonly reason: string;
}

/** The executor that was picked. */
export interface RuntimeChosen {
  readonly runtime: Runtime;
  readonly isolation: IsolationLevel;
  readonly capability: Extract<Capability, { usable: true }>;
  readonly considered: readonly Considered[];
}

const order: readonly IsolationLevel[] = ['A', 'B', 'C', 'D', 'F'];

/** Never better than one of those before them that works. */
const lastResorts: ReadonlySet<ExecutorName> = new Set(['podman', 'chroot', 'in-builder']);

/** Compares two levels; negative when the first is the stronger one. */
export function compareIsolation(one: IsolationLevel, other: IsolationLevel): number {
  return order.indexOf(one) - order.indexOf(other);
}

/**
 * Probes candidates in their order and returns the best.
 *
 * @throws BuildError `RUNTIME_UNAVAILABLE` when none works, `ISOLATION_INSUFFICIENT` when none is strong
 * enough
 */
export async function chooseRuntime(
  candidates: readonly Runtime[],
  request: RuntimeRequest,
  signal?: AbortSignal,
): Promise<RuntimeChosen> {
  const needs: RunNeeds = {
    user: request.user ?? { uid: 0, gid: 0, additionalGids: [] },
    network: request.network ?? 'host',
    ...(request.seccomp === undefined ? {} : { seccomp: request.seccomp }),
  };
  const { best, considered } = await findBest(
    candidates.filter(({ name }) => request.executor === undefined || name === request.executor),
    needs,
    signal,
  );
  if (best === undefined) throw unavailable(request, considered);
  if (request.minIsolation !== undefined) checkLevel(best, request.minIsolation);
  return { ...best, considered };
}

type Best = Omit<RuntimeChosen, 'considered'>;

async function findBest(
  candidates: readonly Runtime[],
  needs: RunNeeds,
  signal: AbortSignal | undefined,
): Promise<{ readonly best: Best | undefined; readonly considered: readonly Considered[] }> {
  const considered: Considered[] = [];
  let best: Best | undefined;
  for (const runtime of candidates) {
    if (best !== undefined && lastResorts.has(runtime.name)) break;
    const found = await consider(runtime, needs, signal);
    considered.push(found.considered);
    const { capability } = found;
    if (capability === undefined) continue;
    const { isolation } = capability;
    if (best === undefined || compareIsolation(isolation, best.isolation) < 0) {
      best = { runtime, isolation, capability };
    }
    if (capability.best) break;
  }
  return { best, considered };
}

async function consider(
  runtime: Runtime,
  needs: RunNeeds,
  signal: AbortSignal | undefined,
): Promise<{ considered: Considered; capability?: Extract<Capability, { usable: true }> }> {
  const { name } = runtime;
  const refusal = runtime.refusal(needs);
  if (refusal !== undefined) return { considered: { name, usable: false, reason: refusal } };
  const capability = await runtime.probe(signal);
  signal?.throwIfAborted();
  if (!capability.usable) {
    return { considered: { name, usable: false, reason: capability.reason } };
  }
  if (typeof needs.seccomp === 'object' && !capability.fakeRoot) {
    const why = 'it sets no filter of system calls here, so not the one that was given either';
    return { considered: { name, usable: false, reason: why } };
  }
  const effective = needs.seccomp === 'unconfined' ? withoutFilter(capability) : capability;
  const { isolation, limitations } = effective;
  const reason = [`isolation ${isolation}`, ...limitations].join(', ');
  return { considered: { name, usable: true, reason }, capability: effective };
}

type Usable = Extract<Capability, { usable: true }>;

/** A run without the filter of system calls is a level weaker, unless there was none. */
function withoutFilter(capability: Usable): Usable {
  const weaker: Readonly<Record<string, IsolationLevel>> = { A: 'B', B: 'C' };
  const isolation = weaker[capability.isolation];
  if (isolation === undefined) return capability;
  const limitations = [...capability.limitations, 'no seccomp filter, as was asked for'];
  return { ...capability, isolation, limitations };
}

function checkLevel(best: Best, wanted: IsolationLevel): void {
  const { runtime, isolation, capability } = best;
  if (compareIsolation(isolation, wanted) <= 0) return;
  throw new BuildError(
    'ISOLATION_INSUFFICIENT',
    `the best executor here, ${runtime.name}, gives isolation ${isolation}, not ${wanted}: ${capability.limitations.join(', ')}`,
    {
      origin: 'runtime',
      suggestion: 'run `s2oci doctor` for what would help, or lower --min-isolation',
    },
  );
}

function unavailable(request: RuntimeRequest, considered: readonly Considered[]): BuildError {
  const why = considered.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
  const what =
    request.executor === undefined
      ? 'no executor works here'
      : `the executor ${request.executor} does not work here`;
  return new BuildError('RUNTIME_UNAVAILABLE', `${what}: ${why || 'there is none'}`, {
    origin: 'runtime',
    suggestion: 'run `s2oci doctor` to see what this machine lacks',
  });
}
