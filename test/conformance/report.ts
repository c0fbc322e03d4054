/** Turns the JUnit file of the conformance suite into a short report. */

/** How one case of the suite ended. */
export interface CaseResult {
  /** The workflow category, such as `Content Discovery`. */
  readonly group: string;
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
}

/** What a report tells. */
export interface ConformanceReport {
  readonly suite: string;
  readonly version: string;
  readonly node: string;
  readonly date: string;
  readonly results: readonly CaseResult[];
}

const groups = ['Pull', 'Push', 'Content Discovery', 'Content Management'] as const;
const title = 'OCI Distribution Conformance Tests';

/** Reads the cases of the four categories; the suite's own bookkeeping is left out. */
export function parseJunit(xml: string): readonly CaseResult[] {
  const cases = [...xml.matchAll(/<testcase name="([^"]*)"[^>]*status="([a-z]+)"/g)];
  return cases.flatMap(([, rawName = '', status]) => {
    const name = decode(rawName).replace(/^\[It\] /, '');
    const group = groups.find((candidate) => name.startsWith(`${title} ${candidate} `));
    if (group === undefined) return [];
    const outcome = status === 'passed' || status === 'skipped' ? status : 'failed';
    return [{ group, name: name.slice(title.length + group.length + 2), outcome }];
  });
}

/** Writes the report as Markdown. */
export function formatReport(report: ConformanceReport): string {
  const { suite, version, node, date, results } = report;
  const rows = groups.map((group) => {
    const own = results.filter((result) => result.group === group);
    const count = (outcome: CaseResult['outcome']) =>
      own.filter((result) => result.outcome === outcome).length;
    return `| ${group} | ${count('passed')} | ${count('failed')} | ${count('skipped')} |`;
  });
  const listed = (outcome: CaseResult['outcome']) => {
    const names = results.filter((result) => result.outcome === outcome);
    return names.map(({ group, name }) => `- ${group}: ${name}`);
  };
  const failures = listed('failed');
  return [
    '# OCI distribution conformance of the embedded registry',
    '',
    `Written by \`.ci/conformance\` on ${date} with Node ${node.slice(1)}.`,
    `Suite: \`${suite}\` ${version}, all four categories, automatic cross-mounting enabled.`,
    '',
    '| category | passed | failed | skipped |',
    '|---|---|---|---|',
    ...rows,
    '',
    ...(failures.length === 0 ? [] : ['## Failed', '', ...failures, '']),
    '## Skipped by the suite',
    '',
    'These are alternatives to cases that ran: content named by environment variables, and the answers of a',
    'registry that cannot mount.',
    '',
    ...listed('skipped'),
    '',
  ].join('\n');
}

function decode(text: string): string {
  const entities: Readonly<Record<string, string>> = { quot: '"', apos: "'", lt: '<', gt: '>' };
  return text
    .replace(/&#(x?)([0-9a-fA-F]+);/g, (_, hex: string, digits: string) =>
      String.fromCodePoint(Number.parseInt(digits, hex === 'x' ? 16 : 10)),
    )
    .replace(/&(quot|apos|lt|gt);/g, (_, name: string) => entities[name] ?? '')
    .replace(/&amp;/g, '&');
}
