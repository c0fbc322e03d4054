/** Puts looking and trying together to a report. */

import {
  type ActiveDeps,
  type InsideResult,
  type MethodResult,
  probeInside,
  probeMethods,
} from './active.ts';
import type { Advice } from './advice.ts';
import { appArmorAdvice, fullMapFix, userNamespaceAdvice } from './advice.ts';
import { advisoryFinding } from './advisories.ts';
import { groupFindings, probeGroups } from './control-groups.ts';
import { collectFacts, type Facts } from './facts.ts';
import { describeEnvironment, passiveFindings } from './passive.ts';
import type { Chain, DoctorReport, Finding } from './report.ts';

/** What a diagnosis needs. */
export type DoctorDeps = ActiveDeps;

/** Looks at the machine, tries what builds would do, and explains it. Takes well under a second. */
export async function diagnose(deps: DoctorDeps, signal?: AbortSignal): Promise<DoctorReport> {
  const started = performance.now();
  const facts = collectFacts(deps.tools, deps.env);
  const [methods, inside, groups] = await Promise.all([
    probeMethods(deps, facts, signal),
    probeInside(deps, signal),
    probeGroups(deps.tools),
  ]);
  const findings = [
    ...passiveFindings(facts),
    ...groupFindings(facts, groups),
    ...methodFindings(methods, facts, inside.namespace.mapping),
    ...insideFindings(inside),
  ];
  const chain = chainOf(inside);
  return {
    environment: describeEnvironment(facts),
    findings,
    chain,
    improvements: chain.isolation === 'A' ? [] : improvementsOf(findings),
    milliseconds: Math.round(performance.now() - started),
  };
}

function methodFindings(
  methods: readonly MethodResult[],
  facts: Facts,
  mapping: Chain['mapping'],
): readonly Finding[] {
  return methods.map(({ name, failure }): Finding => {
    const id = `probe.${name}`;
    if (failure === undefined) return { id, status: 'pass', detail: 'it works' };
    const errno = failure.errno === undefined ? {} : { errno: failure.errno };
    if (mapping === 'root' || mapping === 'subuid') {
      return { id, status: 'pass', detail: `not needed; ${failure.reason}`, ...errno };
    }
    const advice = adviceFor(name, failure.errno, facts);
    const detail = [failure.reason, ...(advice === undefined ? [] : [advice.cause])].join(': ');
    const fix = advice === undefined ? {} : { fix: advice.fix };
    return { id, status: mapping === 'none' ? 'fail' : 'warn', detail, ...errno, ...fix };
  });
}

function adviceFor(
  name: MethodResult['name'],
  errno: string | undefined,
  facts: Facts,
): Advice | undefined {
  if (name === 'single-id') return userNamespaceAdvice(errno, facts);
  const fix = fullMapFix(facts);
  if (fix !== undefined) return { cause: 'so there is no full id map', fix };
  const restricted = facts.sysctls['kernel.apparmor_restrict_unprivileged_userns'] === '1';
  return restricted && errno !== undefined ? appArmorAdvice : undefined;
}

function insideFindings({ answer, problem, namespace }: InsideResult): readonly Finding[] {
  if (answer === undefined) {
    const detail = problem ?? 'the probe process gave no answer';
    return [{ id: 'probe.inside', status: 'fail', detail }];
  }
  const executors = answer.capabilities.flatMap(({ name, capability }): readonly Finding[] => {
    const id = `probe.${name}`;
    if (!capability.usable) {
      const { reason, errno } = capability;
      return [{ id, status: 'warn', detail: reason, ...(errno === undefined ? {} : { errno }) }];
    }
    const detail = [`isolation ${capability.isolation}`, ...capability.limitations].join(', ');
    const advisory =
      capability.version === undefined ? undefined : advisoryFinding(name, capability.version);
    return [{ id, status: 'pass', detail }, ...(advisory === undefined ? [] : [advisory])];
  });
  return [overlayFinding(answer.overlay, namespace.mapping), ...executors];
}

function overlayFinding(problem: string | undefined, mapping: Chain['mapping']): Finding {
  const id = 'probe.overlay';
  if (problem === undefined) return { id, status: 'pass', detail: 'overlay mounts work' };
  if (mapping === 'none') {
    return { id, status: 'fail', detail: 'without a mount namespace there is no overlay' };
  }
  return {
    id,
    status: 'warn',
    detail: `root filesystems are copied for each build: ${problem}`,
    fix: 'put S2OCI_HOME on a volume that is no overlay itself (emptyDir, tmpfs, a disk)',
  };
}

function chainOf({ answer, namespace }: InsideResult): Chain {
  const { mapping, method, idRange } = namespace;
  const choice = answer?.asUser ?? answer?.asRoot;
  const storage = choice?.executor === 'in-builder' ? 'in-place' : 'copy';
  const asRoot = answer?.asRoot?.executor;
  return {
    mapping,
    method,
    idRange,
    storage:
      mapping !== 'none' && answer !== undefined && answer.overlay === undefined
        ? 'overlay'
        : storage,
    ...(choice === undefined ? {} : { executor: choice.executor, isolation: choice.isolation }),
    limitations: choice?.limitations ?? [],
    ...(asRoot === undefined || asRoot === choice?.executor ? {} : { executorAsRoot: asRoot }),
    considered: choice?.considered ?? [],
  };
}

/** Fixes of failures first; each once. */
function improvementsOf(findings: readonly Finding[]): readonly string[] {
  const ordered = [
    ...findings.filter(({ status }) => status === 'fail'),
    ...findings.filter(({ status }) => status === 'warn'),
  ];
  return [...new Set(ordered.flatMap(({ fix }) => (fix === undefined ? [] : [fix])))];
}
