/**
 * Runs the OCI distribution conformance suite (a Go program, pinned by go.mod and go.sum beside this file)
 * against the embedded registry, once for each version of the specification the suite knows: `node run.ts [REPORT]`.
 *
 * With REPORT it writes the result there as Markdown. Ends with 0 when nothing failed.
 */

import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { silentReporter } from '../../src/events/index.ts';
import { startRegistry } from '../../src/server/index.ts';
import { findTestUser, run } from '../support/as-user.ts';
import { formatReport, parseResults, type SuiteRun } from './report.ts';

const execute = promisify(execFile);
const suite = 'github.com/opencontainers/distribution-spec/conformance';
const here = import.meta.dirname;

/** `1.1` is what is released; `dev` adds what the specification's main branch has since. */
const specVersions = ['1.1', 'dev'] as const;

async function main(reportFile: string | undefined): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 's2oci-conformance-'));
  try {
    await chmod(work, 0o755);
    const program = await compileSuite(work);
    const runs: SuiteRun[] = [];
    for (const version of specVersions) runs.push(await runSuite(program, work, version));
    const text = formatReport({
      suite,
      version: await suiteVersion(),
      node: process.version,
      date: new Date().toISOString().slice(0, 10),
      runs,
    });
    process.stdout.write(text);
    if (reportFile !== undefined) await writeFile(reportFile, text);
    process.exitCode = runs.every(({ passed }) => passed) ? 0 : 1;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function compileSuite(work: string): Promise<string> {
  const program = join(work, 'suite');
  await execute('go', ['build', '-o', program, suite], { cwd: here });
  return program;
}

async function suiteVersion(): Promise<string> {
  const { stdout } = await execute('go', ['list', '-m', '-f', '{{.Version}}', suite], {
    cwd: here,
  });
  return stdout.trim();
}

/** Runs the compiled suite with as few rights as there are: it is somebody else's program. */
async function runSuite(program: string, work: string, version: string): Promise<SuiteRun> {
  const results = join(work, `results-${version}`);
  await mkdir(results);
  await chmod(results, 0o1777);
  const directory = join(work, `registry-${version}`);
  await using registry = await startRegistry({ directory, reporter: silentReporter });
  const user = await findTestUser('without-subuids');
  const { code, stdout, stderr } = await run(program, [], {
    ...(typeof user === 'string' ? {} : { user }),
    cwd: results,
    env: {
      OCI_VERSION: version,
      OCI_REGISTRY: registry.host,
      OCI_TLS: 'disabled',
      OCI_REPO1: 'conformance/one',
      OCI_REPO2: 'conformance/two',
      OCI_RESULTS_DIR: results,
    },
  });
  if (code !== 0) process.stderr.write(`${stdout}${stderr}`);
  const [summary, cases] = await Promise.all(
    ['results.yaml', 'junit.xml'].map((name) => readFile(join(results, name), 'utf8')),
  );
  return { version, passed: code === 0, ...parseResults(summary ?? '', cases ?? '') };
}

await main(process.argv[2]);
