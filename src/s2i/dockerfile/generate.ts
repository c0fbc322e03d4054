/**
 * `--as-dockerfile` and `generate`: the build as a Dockerfile that buildah, BuildKit and s2oci build.
 *
 * Better than source-to-image's: CMD in exec form, ownership by `COPY --chown`, injected files and the artifacts of the
 * last build mounted for the run instead of copied into a layer, the builder's USER restored.
 */

import type { Injection } from '../injections.ts';
import type { Labels } from '../labels.ts';
import {
  copyInstruction,
  envInstruction,
  labelInstruction,
  plainWord,
  shellWord,
} from './quoting.ts';
import { type DockerfileScriptsInput, dockerfileScript } from './scripts.ts';

/** A build to write down. Paths of the context are those of source-to-image: `upload/src`, `upload/scripts`. */
export interface DockerfileInput extends DockerfileScriptsInput {
  readonly builder: string;
  /** The image of the last build, whose artifacts are to be reused. */
  readonly previousImage?: string;
  readonly labels: Labels;
  readonly environment: readonly string[];
  /** The user of assemble; 1001 when nobody says another. */
  readonly assembleUser?: string;
  /** The builder's own user and entry point, where they are known. */
  readonly imageUser?: string;
  readonly entrypoint?: readonly string[];
  /** Files below `upload/injections`, at the absolute path that they have on this machine. */
  readonly injections: readonly Injection[];
}

const defaultUser = '1001';
const artifactsArchive = '/tmp/artifacts.tar';

/**
 * Writes the Dockerfile.
 *
 * @throws BuildError `DOCKERFILE_INVALID` for text that no Dockerfile can hold
 */
export function generateDockerfile(input: DockerfileInput): string {
  const user = plainWord(input.assembleUser || defaultUser, 'the assemble user');
  const blocks = [
    ...(input.previousImage === undefined ? [] : [cachedStage(input, input.previousImage, user)]),
    [`FROM ${plainWord(input.builder, 'the builder image')}`],
    labelInstruction(input.labels),
    envInstruction(input.environment),
    uploads(input, user),
    isRoot(user) ? [] : [`USER ${user}`],
    [assembleInstruction(input)],
    finalUser(input, user),
    [`CMD ${JSON.stringify([dockerfileScript(input, 'run')])}`],
  ];
  return `${blocks.flat().join('\n')}\n`;
}

/** A stage that leaves the artifacts of the last image in one file, which is empty when there are none. */
function cachedStage(input: DockerfileInput, image: string, user: string): readonly string[] {
  const script = dockerfileScript(input, 'save-artifacts');
  const supplied =
    input.supplied.has('save-artifacts') && script.startsWith(`${input.destination}/`);
  const quoted = shellWord(script);
  return [
    `FROM ${plainWord(image, 'the previous image')} AS cached`,
    ...(supplied ? [copyInstruction([chown(user)], 'upload/scripts/save-artifacts', script)] : []),
    ...(isRoot(user) ? [] : [`USER ${user}`]),
    `RUN if [ -s ${quoted} ]; then ${quoted} > ${artifactsArchive}; else touch ${artifactsArchive}; fi`,
  ];
}

function uploads(input: DockerfileInput, user: string): readonly string[] {
  const destination = input.destination === '/' ? '' : input.destination;
  return [
    ...(input.supplied.size === 0
      ? []
      : [copyInstruction([chown(user)], 'upload/scripts', `${destination}/scripts`)]),
    copyInstruction([chown(user)], 'upload/src', `${destination}/src`),
  ];
}

function assembleInstruction(input: DockerfileInput): string {
  const assemble = [...(input.entrypoint ?? []), dockerfileScript(input, 'assemble')]
    .map(shellWord)
    .join(' ');
  const mounts = input.injections.map(
    ({ source, target }) =>
      `--mount=type=bind,source=${plainWord(`upload/injections${source}`, 'an injection')},target=${plainWord(target, 'an injection')}`,
  );
  if (input.previousImage === undefined) return ['RUN', ...mounts, assemble].join(' ');
  const artifacts = shellWord(`${input.destination === '/' ? '' : input.destination}/artifacts`);
  mounts.push(
    `--mount=type=bind,from=cached,source=${artifactsArchive},target=${artifactsArchive}`,
  );
  const restore = `if [ -s ${artifactsArchive} ]; then mkdir -p ${artifacts} && tar -xf ${artifactsArchive} -C ${artifacts}; fi`;
  return `RUN ${mounts.join(' ')} ${restore} && ${assemble}`;
}

function finalUser(input: DockerfileInput, user: string): readonly string[] {
  const { imageUser } = input;
  if (imageUser === undefined || imageUser === user || (isRoot(imageUser) && isRoot(user)))
    return [];
  return [`USER ${imageUser === '' ? '0' : plainWord(imageUser, 'USER of the builder image')}`];
}

function chown(user: string): string {
  return `--chown=${user.split(':', 1)[0]}:0`;
}

function isRoot(user: string): boolean {
  return ['', '0', 'root'].includes(user.split(':', 1)[0] ?? '');
}
