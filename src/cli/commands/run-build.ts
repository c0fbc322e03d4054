/** Runs a build for the commands that build, and tells everybody how it ended. */

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { asBuildError, BuildError } from '../../errors/index.ts';
import {
  type BuildRequest,
  type BuildResult,
  build,
  writeReportFile,
} from '../../pipeline/index.ts';
import type { Transport } from '../../registry/index.ts';
import {
  type CallbackOutcome,
  parseEnvironmentFile,
  userEnvironmentFormat,
} from '../../s2i/index.ts';
import type { Renderer, Summary } from '../../ui/index.ts';
import { sendCallback } from '../callback.ts';
import { type Invocation, textOption } from '../command.ts';
import { openImages } from '../images.ts';
import { createCommandRenderer } from '../reporting.ts';
import { openSession } from '../session.ts';
import { loadSettings, reportConfigWarnings } from '../wiring.ts';
import { buildRequestFrom } from './build-options.ts';
import { acceptS2iFlags } from './s2i-flags.ts';

/** Builds what was typed, reports it, and returns the exit code. */
export async function runBuild(typed: Invocation): Promise<number> {
  const { invocation, notices } = acceptS2iFlags(typed);
  const { io } = invocation;
  const config = await loadSettings(invocation);
  const file = await readEnvironmentFile(invocation);
  const plain = buildRequestFrom(invocation, config.values);
  const request = { ...plain, env: [...plain.env, ...file.entries] };
  const renderer = createCommandRenderer(config, io);
  reportConfigWarnings(config, renderer, Date.now());
  for (const message of [...notices, ...file.warnings]) warn(renderer, message);
  try {
    await using session = await openSession(config, invocation);
    await using images = await openImages(config, io, session.store, renderer);
    const { store, agent } = session;
    const { http } = images;
    const { stdin, env } = io;
    const deps = { images, http, store, agent, reporter: renderer, now: Date.now, stdin, env };
    const tell = (outcome: CallbackOutcome) => callBack(invocation, http, renderer, outcome);
    const result = await build(deps, request, io.signal).catch(async (error: unknown) => {
      await tell({ success: false });
      throw error;
    });
    await writeReports(result, invocation);
    const { image, digest, labels } = result;
    await tell({ success: true, image, digest, labels });
    renderer.finish({ ok: true, summary: summaryOf(request, result) });
    io.stdout.write(`${result.image}\n`);
    return 0;
  } catch (thrown) {
    const error = asBuildError(io.signal.aborted ? io.signal.reason : thrown);
    renderer.finish({ ok: false, error });
    return error.exitCode;
  }
}

function summaryOf(request: BuildRequest, result: BuildResult): Summary {
  const { executor, isolation, storage, incremental } = result;
  return {
    bytes: result.transfer,
    facts: [
      ['executor', `${executor}, isolation ${isolation}, storage ${storage}`],
      ...(request.incremental ? [['incremental', incremental.reason] as const] : []),
    ],
  };
}

function warn(renderer: Renderer, message: string): void {
  renderer.emit({ type: 'log', level: 'warning', message, time: Date.now() });
}

async function callBack(
  { options }: Invocation,
  http: Transport,
  renderer: Renderer,
  outcome: CallbackOutcome,
): Promise<void> {
  const url = textOption(options, 'callbackUrl');
  if (url === undefined || url === '') return;
  const problem = await sendCallback(http, url, outcome);
  if (problem !== undefined) warn(renderer, problem);
}

/** @throws BuildError `USAGE_INVALID`, `LIMIT_EXCEEDED` */
async function readEnvironmentFile({ io, options }: Invocation) {
  const name = textOption(options, 'environmentFile');
  if (name === undefined || name === '') return { entries: [], warnings: [] };
  const text = await readFile(resolve(io.cwd, name), 'utf8').catch((error: Error) => {
    throw new BuildError('USAGE_INVALID', `cannot read --environment-file: ${error.message}`);
  });
  return parseEnvironmentFile(text, userEnvironmentFormat(name));
}

async function writeReports(result: BuildResult, { io, options }: Invocation): Promise<void> {
  const files: readonly (readonly [string, string])[] = [
    ['metadataFile', `${JSON.stringify(result, undefined, 2)}\n`],
    ['digestFile', result.digest],
    ['iidfile', result.imageId],
  ];
  for (const [name, content] of files) {
    const path = textOption(options, name);
    if (path !== undefined) await writeReportFile(resolve(io.cwd, path), content);
  }
}
