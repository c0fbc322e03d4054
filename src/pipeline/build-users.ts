/** Who the scripts of a build run as, and whether they may. */

import type { ExecutionConfig } from '../model/index.ts';
import {
  assembleUserOf,
  type BuilderContract,
  checkAllowedUids,
  parseUidRanges,
  type ResolvedUser,
} from '../s2i/index.ts';
import type { Container } from './container.ts';
import type { BuildRequest } from './request.ts';

/**
 * Holds the users of a builder image against `--allowed-uids`.
 *
 * @throws BuildError `USER_NOT_ALLOWED`, `USAGE_INVALID`
 */
export function checkUsers(
  request: BuildRequest,
  execution: ExecutionConfig,
  contract: BuilderContract,
): void {
  checkAllowedUids(parseUidRanges(request.allowedUids ?? ''), {
    ...namesOf(request, contract, execution.user),
    onBuild: execution.onBuild,
  });
}

/** Looks the user of assemble up in the builder image: the flag's, else the label's, else the image's own. */
export function findAssembleUser(
  request: BuildRequest,
  container: Container,
  contract: BuilderContract,
  signal: AbortSignal,
): Promise<ResolvedUser> {
  const named = assembleUserOf(namesOf(request, contract, container.config.execution.user));
  return container.user(named.user, named, signal);
}

/**
 * Holds the user of assemble-runtime against `--allowed-uids`.
 *
 * @throws BuildError `USER_NOT_ALLOWED`, `USAGE_INVALID`
 */
export function checkRuntimeUser(
  request: BuildRequest,
  execution: ExecutionConfig,
  contract: BuilderContract,
): void {
  const users = runtimeNamesOf(request, contract, execution.user);
  checkAllowedUids(parseUidRanges(request.allowedUids ?? ''), users);
}

/** Looks the user of assemble-runtime up in the runtime image: the flag's, else the label's, else the image's own. */
export function findRuntimeUser(
  request: BuildRequest,
  container: Container,
  contract: BuilderContract,
  signal: AbortSignal,
): Promise<ResolvedUser> {
  const named = assembleUserOf(runtimeNamesOf(request, contract, container.config.execution.user));
  return container.user(named.user, named, signal);
}

function namesOf({ assembleUser }: BuildRequest, contract: BuilderContract, image: string) {
  return {
    image,
    ...(assembleUser === undefined ? {} : { flag: assembleUser }),
    ...(contract.assembleUser === undefined ? {} : { label: contract.assembleUser }),
  };
}

function runtimeNamesOf(
  { assembleRuntimeUser: flag }: BuildRequest,
  { assembleRuntimeUser: label }: BuilderContract,
  image: string,
) {
  return {
    of: 'runtime' as const,
    image,
    ...(flag === undefined ? {} : { flag }),
    ...(label === undefined ? {} : { label }),
  };
}
