/** `s2oci builder check`: whether an image keeps the S2I contract. */

import { exitCodeOf } from '../../errors/index.ts';
import { displayText, hostPlatform, parsePlatform } from '../../model/index.ts';
import { type CheckReport, checkImageAt } from '../../pipeline/index.ts';
import type { CheckFinding } from '../../s2i/index.ts';
import { flagOption, type Invocation } from '../command.ts';
import { openImages } from '../images.ts';
import { createCommandRenderer } from '../reporting.ts';
import { openSession } from '../session.ts';
import { loadSettings } from '../wiring.ts';

/** Checks an image, prints what was found, and returns the exit code. */
export async function checkBuilderImage(invocation: Invocation): Promise<number> {
  const { args, options, io } = invocation;
  const config = await loadSettings(invocation);
  const reporter = createCommandRenderer(config, io);
  await using session = await openSession(config, invocation);
  await using images = await openImages(config, io, session.store, reporter);
  const { store, agent } = session;
  const { stdin, env } = io;
  const { platform, network, executor, minIsolation } = config.values;
  const report = await checkImageAt(
    { images, http: images.http, store, agent, reporter, now: Date.now, stdin, env },
    {
      image: args[0] ?? '',
      platform: platform === undefined ? hostPlatform('linux', io.arch) : parsePlatform(platform),
      run: flagOption(options, 'run'),
      sandbox: {
        ...{ network, addHosts: [], dropCapabilities: [], mounts: [] },
        ...(executor === undefined ? {} : { executor }),
        ...(minIsolation === undefined ? {} : { minIsolation }),
      },
    },
    io.signal,
  );
  io.stdout.write(
    flagOption(options, 'json') ? `${JSON.stringify(report, undefined, 2)}\n` : render(report),
  );
  return report.ok ? 0 : exitCodeOf('BUILDER_INVALID');
}

const marks: Readonly<Record<CheckFinding['status'], string>> = {
  pass: 'ok  ',
  warn: 'warn',
  fail: 'FAIL',
};

function render({ image, digest, ok, findings }: CheckReport): string {
  const width = Math.max(...findings.map(({ id }) => id.length));
  const count = (status: CheckFinding['status']) =>
    findings.filter((finding) => finding.status === status).length;
  const verdict = ok ? 'keeps the S2I contract' : 'breaks the S2I contract';
  return [
    displayText(`${image}@${digest}`),
    '',
    ...findings.flatMap(({ id, status, detail, fix }) => [
      `${marks[status]}  ${id.padEnd(width)}  ${displayText(detail)}`,
      ...(fix === undefined ? [] : [`${' '.repeat(width + 8)}-> ${displayText(fix)}`]),
    ]),
    '',
    `it ${verdict}: ${count('fail')} failures, ${count('warn')} warnings`,
    '',
  ].join('\n');
}
