/** Runs a build for the commands that build, and tells everybody how it ended. */

import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Config } from '../../config/index.ts';
import { asBuildError, BuildError } from '../../errors/index.ts';
import {
  type BuildRequest,
  type BuildResult,
  build,
  writeDockerfile,
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
import { flagOption, type Invocation, textOption } from '../command.ts';
import { acceptS2iFlags } from '../commands/s2i-flags.ts';
import { type Images, openHttp, openImages } from '../images.ts';
import { buildInSteps, StepFailed } from '../in-place/conductor.ts';
import { concealEnvironment, isStartedAnew } from '../in-place/hand-over.ts';
import { moveImage } from '../in-place/moves.ts';
import { InPlaceNeeded, unlessInPlace } from '../in-place/needed.ts';
import { type BuildStep, currentStep, withBuilderFrom } from '../in-place/steps.ts';
import { withinReach } from '../in-place/within-reach.ts';
import { credentialPlaces } from '../registry-client.ts';
import { createCommandRenderer } from '../reporting.ts';
import { idsOf, openSession, type Session } from '../session.ts';
import { loadSettings, openLocalStore, reportConfigWarnings } from '../wiring.ts';
import { buildRequestFrom } from './build-request.ts';
import { withDockerfiles } from './on-build.ts';
import { runTag } from './run.ts';

/** A build as it was typed, ready to run. */
interface TypedBuild {
  readonly invocation: Invocation;
  readonly config: Config;
  readonly request: BuildRequest;
  readonly renderer: Renderer;
  readonly half?: AssembleHalf | undefined;
}

/** The first half of a build, whose result stays on this machine. */
export interface AssembleHalf {
  /** A copy of the builder image, fetched before. */
  readonly builderFrom?: string | undefined;
}

/**
 * Builds what was typed, reports it, and returns the exit code.
 *
 * @param said what the user should know about the arguments
 */
export async function runBuild(
  typed: Invocation,
  said: readonly string[] = [],
  half?: AssembleHalf,
): Promise<number> {
  try {
    const { invocation, notices } = acceptS2iFlags(typed);
    return await runAccepted(invocation, [...said, ...notices], half);
  } catch (error) {
    // What is wrong with the arguments themselves is a failed build, too, to whoever waits for one.
    await callBackFailure(typed, (problem) => typed.io.stderr.write(`warning: ${problem}\n`));
    throw error;
  }
}

async function runAccepted(
  invocation: Invocation,
  said: readonly string[],
  half: AssembleHalf | undefined,
): Promise<number> {
  const { io, options } = invocation;
  const dockerfile = textOption(options, 'asDockerfile');
  const runsImage = flagOption(options, 'run');
  if (dockerfile !== undefined && runsImage)
    throw new BuildError('USAGE_INVALID', '--as-dockerfile builds nothing that --run could run');
  if (dockerfile !== undefined && textOption(options, 'runtimeImage') !== undefined)
    throw new BuildError('USAGE_INVALID', '--as-dockerfile cannot describe a --runtime-image');
  const config = await loadSettings(invocation);
  const file = await readEnvironmentFile(invocation);
  const plain = buildRequestFrom(invocation, config.values);
  const request = { ...plain, env: [...plain.env, ...file.entries] };
  const renderer = createCommandRenderer(config, io);
  reportConfigWarnings(config, renderer, Date.now());
  const notes = [...said, ...file.warnings];
  for (const message of notes) warn(renderer, message);
  const build = { invocation, config, request, renderer, half };
  try {
    if (dockerfile === undefined) await buildHere(build);
    else await buildDockerfile(build, dockerfile);
  } catch (thrown) {
    const error = asBuildError(io.signal.aborted ? io.signal.reason : thrown);
    await callBackFailure(invocation, (problem) => warn(renderer, problem));
    if (thrown instanceof StepFailed) return thrown.exitCode;
    renderer.finish({ ok: false, error });
    return error.exitCode;
  }
  return runsImage ? await runTag(invocation, request.tag) : 0;
}

/** Where nothing but in-builder works, or it was asked for, the build is one in place. */
async function buildHere(typed: TypedBuild): Promise<void> {
  const { io } = typed.invocation;
  const step = currentStep(io.env);
  if (step !== undefined) return runStep(asInPlace(typed), step);
  if (typed.request.executor !== 'in-builder' && !isStartedAnew(io)) {
    const needed = await buildImage(typed).catch((error: unknown) => {
      if (error instanceof InPlaceNeeded) return error;
      throw error;
    });
    if (needed === undefined) return;
  }
  const inPlace = asInPlace(typed);
  await (typed.half === undefined ? buildSeparately(inPlace) : buildImage(inPlace));
}

function asInPlace({ config, request, ...typed }: TypedBuild): TypedBuild {
  const executor = 'in-builder';
  return {
    ...typed,
    config: { ...config, values: { ...config.values, executor } },
    request: { ...request, executor },
  };
}

async function buildImage(typed: TypedBuild): Promise<void> {
  const { invocation, config, renderer, request } = typed;
  const ids = idsOf([request.assembleUser, request.assembleRuntimeUser]);
  await using session = await openSession(config, invocation, { ids });
  await using images = await openImages(config, invocation.io, session.store, renderer);
  const result = await produce(typed, session, images);
  await report(typed, result, images.http);
}

/** Builds in this process. */
async function produce(
  { invocation, renderer, half, request }: TypedBuild,
  { agent: started, store }: Session,
  all: Images,
): Promise<BuildResult> {
  const { stdin, env, signal } = invocation.io;
  const agent = started.then((ready) => unlessInPlace(ready, request, signal));
  agent.catch(() => {}); // the build may fail before it needs the agent
  const from = half?.builderFrom;
  const images = from === undefined ? all : withBuilderFrom(all, request.builder, from);
  const { http } = all;
  const deps = { images, http, store, agent, reporter: renderer, now: Date.now, stdin, env };
  return await build(withDockerfiles(deps, invocation.io), request, signal);
}

/** Tells everybody about a build that succeeded: report files, callback, terminal, standard output. */
async function report(
  { invocation, request, renderer }: TypedBuild,
  result: BuildResult,
  http: Transport,
): Promise<void> {
  await writeReports(result, invocation);
  const { image, digest, labels } = result;
  const outcome = { success: true, image, digest, labels } as const;
  await callBack(invocation, http, (problem) => warn(renderer, problem), outcome);
  renderer.finish({ ok: true, summary: summaryOf(request, result) });
  invocation.io.stdout.write(`${result.image}\n`);
}

/** One process of a build in place: see in-place/conductor.ts. */
async function runStep(typed: TypedBuild, step: BuildStep): Promise<void> {
  const { invocation, config, request, renderer } = typed;
  if (step.step !== 'assemble') {
    await moveImage(typed, step);
    return renderer.finish({ ok: true, summary: {} });
  }
  const { to: tag, builderFrom } = step;
  const { displayName = request.tag } = request;
  await using session = await openSession(config, invocation);
  await using images = await openImages(config, invocation.io, session.store, renderer);
  const half = { ...typed, request: { ...request, tag, displayName }, half: { builderFrom } };
  const result = await produce(half, session, images);
  await writeFile(step.report, JSON.stringify(result), { mode: 0o600 });
  renderer.finish({ ok: true, summary: summaryOf(request, result) });
}

/** Builds in processes of their own, none of which has credentials while another runs what is not ours. */
async function buildSeparately(typed: TypedBuild): Promise<void> {
  const { config, renderer } = typed;
  const env = concealEnvironment(typed.invocation.io);
  const io = { ...typed.invocation.io, env };
  const invocation = { ...typed.invocation, io };
  await using store = await openLocalStore(config, invocation);
  await using scratch = await store.createScratch();
  await using images = await openImages(config, io, store, renderer);
  for (const message of withinReach(env, credentialPlaces(config, io))) warn(renderer, message);
  const result = await buildInSteps({ io, env, directory: scratch.path });
  await report({ ...typed, invocation }, result, images.http);
}

async function buildDockerfile(typed: TypedBuild, file: string): Promise<void> {
  const { invocation, config, request, renderer } = typed;
  const { io } = invocation;
  await using store = await openLocalStore(config, invocation);
  await using images = await openImages(config, io, store, renderer);
  const { http } = images;
  const { stdin, env } = io;
  const deps = { images, http, store, reporter: renderer, now: Date.now, stdin, env };
  const wanted = `${resolve(io.cwd, file)}${file.endsWith('/') ? '/' : ''}`;
  const { path, warnings } = await writeDockerfile(deps, request, wanted, io.signal);
  for (const message of warnings) warn(renderer, message);
  renderer.finish({ ok: true, summary: { facts: [['Dockerfile', path]] } });
}

function summaryOf(request: BuildRequest, result: BuildResult): Summary {
  const { executor, isolation, storage, incremental, cache } = result;
  const ranBy =
    executor === undefined
      ? 'ONBUILD instructions of the builder image'
      : `${executor}, isolation ${isolation}, storage ${storage}`;
  return {
    bytes: result.transfer,
    facts: [
      cache.used ? ['assemble', `not run: ${cache.reason}`] : ['executor', ranBy],
      ...(request.incremental && !cache.used ? [['incremental', incremental.reason] as const] : []),
      ...(request.incremental && !cache.used ? [['kept', incremental.kept.reason] as const] : []),
    ],
  };
}

function warn(renderer: Renderer, message: string): void {
  renderer.emit({ type: 'log', level: 'warning', message, time: Date.now() });
}

async function callBackFailure(
  invocation: Invocation,
  complain: (problem: string) => void,
): Promise<void> {
  if (callbackUrl(invocation) === '' || currentStep(invocation.io.env) !== undefined) return;
  const { send, close } = openHttp(invocation.io);
  await callBack(invocation, send, complain, { success: false });
  await close();
}

async function callBack(
  invocation: Invocation,
  http: Transport,
  complain: (problem: string) => void,
  outcome: CallbackOutcome,
): Promise<void> {
  const url = callbackUrl(invocation);
  if (url === '') return;
  const problem = await sendCallback(http, url, outcome);
  if (problem !== undefined) complain(problem);
}

function callbackUrl({ options }: Invocation): string {
  return textOption(options, 'callbackUrl') ?? '';
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
