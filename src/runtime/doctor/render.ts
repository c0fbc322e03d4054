/** The report as lines of text. */

import type { Chain, DoctorReport, Finding, FindingStatus } from './report.ts';

const marks: Readonly<Record<FindingStatus, string>> = { pass: 'ok  ', warn: 'warn', fail: 'FAIL' };

/** Renders a report for people: the chain first, then what was found, then what would help. */
export function renderDoctor(report: DoctorReport): string {
  const width = Math.max(...report.findings.map(({ id }) => id.length));
  return [
    ...renderChain(report.chain, report.environment),
    '',
    ...report.findings.flatMap((finding) => renderFinding(finding, width)),
    ...(report.improvements.length === 0 ? [] : ['', 'to improve']),
    ...report.improvements.map((fix) => `  - ${fix}`),
    '',
  ].join('\n');
}

function renderChain(chain: Chain, environment: string): readonly string[] {
  const rows: readonly (readonly [string, string])[] = [
    ['environment', environment],
    ['id mapping', `${chain.mapping} (${chain.method}) ${chain.idRange}`],
    ['storage', chain.storage],
    ['executor', chain.executor ?? 'none: nothing can run here'],
    ...(chain.executorAsRoot === undefined ? [] : ([['  as root', chain.executorAsRoot]] as const)),
    ['isolation', [chain.isolation ?? 'none', ...chain.limitations].join(', ')],
  ];
  return rows.map(([name, value]) => `${name.padEnd(13)}${value}`);
}

function renderFinding(
  { id, status, detail, errno, fix }: Finding,
  width: number,
): readonly string[] {
  const number = errno === undefined ? '' : ` (${errno})`;
  const first = `${marks[status]}  ${id.padEnd(width)}  ${detail}${number}`;
  return fix === undefined || status === 'pass'
    ? [first]
    : [first, `${' '.repeat(width + 8)}-> ${fix}`];
}
