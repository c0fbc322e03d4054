/** Finds the usage script of a builder image, and brings one from outside into the container. */

import type { Agent } from '../agent/index.ts';
import { BuildError } from '../errors/index.ts';
import {
  destinationOf,
  parseBuilderContract,
  parseScriptsUrl,
  type ResolvedUser,
  type ScriptsUrl,
} from '../s2i/index.ts';
import type { HttpGet } from '../source/index.ts';
import type { Container } from './container.ts';
import { readScriptsAt } from './outside-scripts.ts';
import { placeScripts, scriptsDirectory } from './scripts.ts';

/** What the user says about the scripts. */
export interface UsageRequest {
  readonly allowRemoteScripts: boolean;
  readonly scriptsUrl: string | undefined;
  readonly destination: string | undefined;
}

/**
 * Returns the path of the usage script in the container: the one at the user's scripts URL, else the image's own.
 *
 * @throws BuildError `SCRIPT_NOT_FOUND`, `USAGE_INVALID`, and those of fetching a script
 */
export async function placeUsage(
  { agent, http }: { readonly agent: Agent; readonly http: HttpGet },
  container: Container,
  request: UsageRequest,
  owner: ResolvedUser,
  signal: AbortSignal,
): Promise<string> {
  const { allowRemoteScripts, scriptsUrl } = request;
  const contract = parseBuilderContract(container.config.execution, {
    allowRemoteScripts,
    scriptsUrlGiven: scriptsUrl !== undefined,
  });
  const origin = { from: 'user', what: '--scripts-url', allowRemote: true } as const;
  const given = scriptsUrl === undefined ? undefined : parseScriptsUrl(scriptsUrl, origin);
  const to = scriptsDirectory(destinationOf(contract, request.destination));
  const places = [given, contract.scriptsUrl].filter((url): url is ScriptsUrl => url !== undefined);
  for (const url of places) {
    if (url.kind === 'image') {
      const path = `${url.path === '/' ? '' : url.path}/usage`;
      if ((await container.existing([path])).has(path)) return path;
      continue;
    }
    const reach = url === given ? 'any' : 'public';
    const script = (await readScriptsAt(http, url, reach, signal, ['usage'])).get('usage');
    if (script === undefined) continue;
    const scripts = [['usage', script.content] as const];
    await placeScripts(agent, container, { scripts, to, owner, mtime: 0n }, signal);
    return `${to}/usage`;
  }
  throw new BuildError('SCRIPT_NOT_FOUND', 'the builder image has no usage script', {
    origin: 'builder',
    suggestion:
      places.length === 0
        ? 'is it a builder image? It needs the label io.openshift.s2i.scripts-url'
        : 'name the place of one with --scripts-url; on a server that the image names, it needs a digest',
  });
}
