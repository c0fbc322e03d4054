/** Turns the result files of the conformance suite into a short report. */

/** What the suite said of one version of the specification. */
export interface SuiteRun {
  readonly version: string;
  readonly passed: boolean;
  /** From the name of an API or a kind of content to `Pass`, `FAIL`, `Skip`, `Disabled` or `Error`. */
  readonly apis: ReadonlyMap<string, string>;
  readonly data: ReadonlyMap<string, string>;
  /** How many of the single cases ended how, in the suite's words. */
  readonly cases: ReadonlyMap<string, number>;
  readonly failures: readonly string[];
}

/** What a report tells. */
export interface ConformanceReport {
  readonly suite: string;
  readonly version: string;
  readonly node: string;
  readonly date: string;
  readonly runs: readonly SuiteRun[];
}

/** Reads the suite's summary (YAML of two levels) and its single cases (JUnit). */
export function parseResults(
  summary: string,
  junit: string,
): Pick<SuiteRun, 'apis' | 'data' | 'cases' | 'failures'> {
  const statuses = [...junit.matchAll(/<testcase name="([^"]*)"[^>]*status="([a-z]+)"/g)];
  const cases = new Map<string, number>();
  for (const [, , status = ''] of statuses) cases.set(status, (cases.get(status) ?? 0) + 1);
  const bad = statuses.filter(([, , status]) => status !== 'passed' && status !== 'skipped');
  return {
    apis: sectionOf(summary, 'apis'),
    data: sectionOf(summary, 'data'),
    cases,
    failures: bad.map(([, name = '']) => name),
  };
}

function sectionOf(summary: string, name: string): ReadonlyMap<string, string> {
  const lines = summary.split('\n');
  const start = lines.indexOf(`${name}:`);
  const length = lines.slice(start + 1).findIndex((line) => !line.startsWith('  '));
  const own = lines.slice(start + 1, length === -1 ? undefined : start + 1 + length);
  return new Map(
    own.map((line) => {
      const at = line.lastIndexOf(': ');
      return [line.slice(2, at), line.slice(at + 2)];
    }),
  );
}

/** The specification's four categories, by the names the suite gives its APIs. */
const categories = [
  ['Content Management', /delete/],
  ['Content Discovery', /^(Tag listing|Referrers)/],
  ['Pull', /( get| head|^Ping)/],
  ['Push', /./],
] as const;

function categoryOf(api: string): string {
  return categories.find(([, names]) => names.test(api))?.[0] ?? '';
}

/** Writes the report as Markdown. */
export function formatReport(report: ConformanceReport): string {
  const { suite, version, node, date, runs } = report;
  const columns = runs.map((run) => run.version).join(' | ');
  const rule = '---|'.repeat(runs.length);
  const table = (part: 'apis' | 'data', cells: (name: string) => string) =>
    [...(runs[0]?.[part].keys() ?? [])]
      .map((name) => {
        const results = runs.map((run) => run[part].get(name)?.toLowerCase() ?? '');
        return `| ${cells(name)} | ${results.join(' | ')} |`;
      })
      .toSorted();
  const failures = runs.flatMap((run) => run.failures.map((name) => `- ${run.version}: ${name}`));
  return [
    '# OCI distribution conformance of the embedded registry',
    '',
    `Written by \`npm run conformance\` on ${date} with Node ${node.slice(1)}.`,
    `Suite: \`${suite}\` ${version}.`,
    '`1.1` is the released specification, `dev` what its main branch adds.',
    '',
    ...runs.map(
      (run) =>
        `- ${run.version}: ${[...run.cases].map(([status, count]) => `${count} ${status}`).join(', ')}`,
    ),
    '',
    ...(failures.length === 0 ? [] : ['## Failed', '', ...failures, '']),
    `| category | API | ${columns} |`,
    `|---|---|${rule}`,
    ...table('apis', (name) => `${categoryOf(name)} | ${name}`),
    '',
    `| content | ${columns} |`,
    `|---|${rule}`,
    ...table('data', (name) => name),
    '',
    'Disabled in both: manifests whose parts are missing, which a registry may refuse and this one does. Disabled',
    'in 1.1: what only the main branch has.',
    '',
  ].join('\n');
}
