/**
 * Reads a seccomp profile as docker, podman and Kubernetes take it, or the `linux.seccomp` of the OCI runtime spec, and
 * decides its conditions (`includes`, `excludes`) for one machine and one set of capabilities, so that a filter is left.
 *
 * What nobody here could answer (SCMP_ACT_NOTIFY, SCMP_ACT_TRACE) is refused. Names that the kernel of this program's
 * time does not have are passed over, as the runtimes do.
 */

import { arch, release } from 'node:os';
import { BuildError } from '../../errors/index.ts';
import { isJsonObject, type Json, type JsonObject, parseJsonObject } from '../../model/index.ts';
import { compileBpf } from './bpf.ts';
import type { Answer, ArgumentTest, Comparison, FilterRule, SeccompFilter } from './filter.ts';
import { syscallTable } from './syscalls.ts';

/** What the conditions of a profile are decided by. */
export interface ProfileConditions {
  /** The capabilities that scripts have, with the `CAP_` prefix. */
  readonly capabilities: readonly string[];
  /** Architecture as Node names it; default this machine's. */
  readonly architecture?: string;
  /** Version of the kernel; default this machine's. */
  readonly kernel?: string;
}

const operators: Readonly<Record<string, Comparison>> = {
  ...{ SCMP_CMP_NE: 'NE', SCMP_CMP_LT: 'LT', SCMP_CMP_LE: 'LE', SCMP_CMP_EQ: 'EQ' },
  ...{ SCMP_CMP_GE: 'GE', SCMP_CMP_GT: 'GT', SCMP_CMP_MASKED_EQ: 'EQ' },
};

const actions: Readonly<Record<string, Answer>> = {
  SCMP_ACT_ALLOW: 'allow',
  SCMP_ACT_LOG: 'log',
  SCMP_ACT_TRAP: 'trap',
  SCMP_ACT_KILL: 'kill-thread',
  SCMP_ACT_KILL_THREAD: 'kill-thread',
  SCMP_ACT_KILL_PROCESS: 'kill-process',
};

const operationNotPermitted = 1;
const longestErrno = 4095;
/** The kernel takes no longer program (linux/filter.h, BPF_MAXINSNS). */
const longestProgram = 4096;

/**
 * Reads a profile.
 *
 * @param what names the profile in messages
 * @throws BuildError `USAGE_INVALID` with the place in the profile
 */
export function readSeccompProfile(
  text: string,
  what: string,
  conditions: ProfileConditions,
): SeccompFilter {
  const json = parseJsonObject(text, what, 'USAGE_INVALID');
  const refuse: Refuse = (place, why) => {
    throw new BuildError('USAGE_INVALID', `${what}: ${place}: ${why}`, {
      suggestion:
        'write it as docker and the OCI runtime spec do, for example {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}',
    });
  };
  const table = syscallTable(conditions.architecture);
  if (table === undefined)
    return refuse('profile', 'the system calls of this processor are not known');
  checkArchitecture(json, table.oci, refuse);
  const fallback = answerOf(
    json['defaultAction'],
    json['defaultErrnoRet'],
    'defaultAction',
    refuse,
  );
  const rules = list(json['syscalls'] ?? [], 'syscalls', refuse).flatMap((entry, index) => {
    const place = `syscalls[${index}]`;
    if (!isJsonObject(entry)) return refuse(place, 'this is no object');
    return applies(entry, conditions, place, refuse) ? rulesOf(entry, place, refuse) : [];
  });
  const filter = { fallback, rules };
  if ((compileBpf(filter, table)?.length ?? 0) / 8 > longestProgram)
    return refuse('syscalls', 'the filter is longer than the kernel takes');
  return filter;
}

type Refuse = (place: string, why: string) => never;

function list(value: Json | undefined, place: string, refuse: Refuse): readonly Json[] {
  return Array.isArray(value) ? value : refuse(place, 'this is no list');
}

function strings(value: Json | undefined, place: string, refuse: Refuse): readonly string[] {
  return list(value ?? [], place, refuse).map((item, index) =>
    typeof item === 'string' ? item : refuse(`${place}[${index}]`, 'this is no text'),
  );
}

function integer(value: Json | undefined, place: string, most: number, refuse: Refuse): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most)
    return value;
  return refuse(place, `this is no number from 0 to ${most}`);
}

/** A profile for other processors only would be a filter that denies nothing, or everything. */
function checkArchitecture(json: JsonObject, own: string, refuse: Refuse): void {
  const named = strings(json['architectures'], 'architectures', refuse);
  const mapped = list(json['archMap'] ?? [], 'archMap', refuse).map((entry) =>
    isJsonObject(entry) ? entry['architecture'] : undefined,
  );
  for (const [place, names] of [
    ['architectures', named],
    ['archMap', mapped],
  ] as const)
    if (names.length > 0 && !names.includes(own)) refuse(place, `${own} is not among them`);
}

function answerOf(
  action: Json | undefined,
  errno: Json | undefined,
  place: string,
  refuse: Refuse,
): Answer {
  if (action === 'SCMP_ACT_ERRNO') {
    const number = errno ?? operationNotPermitted;
    return { errno: integer(number, `${place}, errno`, longestErrno, refuse) };
  }
  const known = typeof action === 'string' && Object.hasOwn(actions, action);
  const answer = known ? actions[action] : undefined;
  if (answer !== undefined) return answer;
  const possible = [...Object.keys(actions), 'SCMP_ACT_ERRNO'].join(', ');
  return refuse(place, `${JSON.stringify(action)} is not possible here, only ${possible}`);
}

/** Whether a rule is one for this machine and these capabilities, as docker decides it. */
function applies(
  rule: JsonObject,
  conditions: ProfileConditions,
  place: string,
  refuse: Refuse,
): boolean {
  const { capabilities, architecture = arch(), kernel = release() } = conditions;
  const name = architecture === 'x64' ? 'amd64' : architecture;
  const read = (which: 'includes' | 'excludes') => {
    const at = `${place}.${which}`;
    const given = rule[which] ?? {};
    if (!isJsonObject(given)) return refuse(at, 'this is no object');
    const { minKernel } = given;
    if (minKernel !== undefined && !/^\d+\.\d+$/.test(String(minKernel)))
      return refuse(`${at}.minKernel`, 'this is no version such as 4.8');
    return {
      caps: strings(given['caps'], `${at}.caps`, refuse),
      arches: strings(given['arches'], `${at}.arches`, refuse),
      reached: minKernel === undefined ? undefined : isAtLeast(kernel, String(minKernel)),
    };
  };
  const [wanted, unwanted] = [read('includes'), read('excludes')];
  return (
    (wanted.arches.length === 0 || wanted.arches.includes(name)) &&
    wanted.caps.every((cap) => capabilities.includes(cap)) &&
    wanted.reached !== false &&
    !unwanted.arches.includes(name) &&
    !unwanted.caps.some((cap) => capabilities.includes(cap)) &&
    unwanted.reached !== true
  );
}

function isAtLeast(kernel: string, minimum: string): boolean {
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number);
  const [least = 0, leastMinor = 0] = minimum.split('.').map(Number);
  return major > least || (major === least && minor >= leastMinor);
}

function rulesOf(rule: JsonObject, place: string, refuse: Refuse): readonly FilterRule[] {
  const single = rule['name'] === undefined ? [] : [rule['name']];
  const names = strings(rule['names'] ?? single, `${place}.names`, refuse);
  if (names.length === 0) return refuse(`${place}.names`, 'no system call is named');
  const answer = answerOf(rule['action'], rule['errnoRet'], `${place}.action`, refuse);
  const tests = list(rule['args'] ?? [], `${place}.args`, refuse).map((test, index) =>
    testOf(test, `${place}.args[${index}]`, refuse),
  );
  if (tests.length === 0) return [{ names, answer }];
  // the runtimes take several tests of one argument for alternatives
  const alternatives = new Set(tests.map(({ index }) => index)).size < tests.length;
  return alternatives
    ? tests.map((test) => ({ names, answer, tests: [test] }))
    : [{ names, answer, tests }];
}

function testOf(test: Json, place: string, refuse: Refuse): ArgumentTest {
  if (!isJsonObject(test)) return refuse(place, 'this is no object');
  const op = String(test['op']);
  const number = (name: string, most = Number.MAX_SAFE_INTEGER) =>
    integer(test[name] ?? 0, `${place}.${name}`, most, refuse);
  const compare = Object.hasOwn(operators, op) ? operators[op] : undefined;
  if (compare === undefined)
    return refuse(`${place}.op`, `"${op}" is none of ${Object.keys(operators).join(', ')}`);
  const index = number('index', 5);
  return op === 'SCMP_CMP_MASKED_EQ'
    ? { index, compare, mask: number('value'), value: number('valueTwo') }
    : { index, compare, value: number('value') };
}
