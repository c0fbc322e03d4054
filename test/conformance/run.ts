/**
 * Runs the OCI distribution conformance suite (a Go program, pinned by go.mod and go.sum beside this file)
 * against the embedded registry, in all four workflow categories: `node run.ts [REPORT]`.
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
import { type CaseResult, formatReport, parseJunit } from './report.ts';

const execute = promisify(execFile);
const suite = 'github.com/opencontainers/distribution-spec/conformance';
const here = import.meta.dirname;

const settings = {
  OCI_NAMESPACE: 'conformance/one',
  OCI_CROSSMOUNT_NAMESPACE: 'conformance/two',
  OCI_TEST_PULL: '1',
  OCI_TEST_PUSH: '1',
  OCI_TEST_CONTENT_DISCOVERY: '1',
  OCI_TEST_CONTENT_MANAGEMENT: '1',
  OCI_AUTOMATIC_CROSSMOUNT: '1',
};

async function main(reportFile: string | undefined): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 's2oci-conformance-'));
  try {
    const program = await compileSuite(work);
    const results = await runSuite(program, work);
    const text = formatReport({
      suite,
      version: await suiteVersion(),
      node: process.version,
      date: new Date().toISOString().slice(0, 10),
      results,
    });
    process.stdout.write(text);
    if (reportFile !== undefined) await writeFile(reportFile, text);
    const failed = results.some((result) => result.outcome === 'failed');
    process.exitCode = failed || results.length === 0 ? 1 : 0;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function compileSuite(work: string): Promise<string> {
  const program = join(work, 'suite');
  await execute('go', ['test', '-c', '-o', program, suite], { cwd: here });
  return program;
}

async function suiteVersion(): Promise<string> {
  const { stdout } = await execute('go', ['list', '-m', '-f', '{{.Version}}', suite], {
    cwd: here,
  });
  return stdout.trim();
}

/** Runs the compiled suite with as few rights as there are: it is somebody else's program. */
async function runSuite(program: string, work: string): Promise<readonly CaseResult[]> {
  const reports = join(work, 'reports');
  await mkdir(reports);
  await chmod(work, 0o755);
  await chmod(reports, 0o1777);
  const directory = join(work, 'registry');
  await using registry = await startRegistry({ directory, reporter: silentReporter });
  const user = await findTestUser('without-subuids');
  const { code, stdout, stderr } = await run(program, [], {
    ...(typeof user === 'string' ? {} : { user }),
    cwd: reports,
    env: { ...settings, OCI_ROOT_URL: `http://${registry.host}`, OCI_REPORT_DIR: reports },
  });
  if (code !== 0) process.stderr.write(`${stdout}${stderr}`);
  return parseJunit(await readFile(join(reports, 'junit.xml'), 'utf8'));
}

await main(process.argv[2]);
