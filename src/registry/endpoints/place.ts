/**
 * A repository on one host, and what every endpoint does with it.
 */

import type { Action } from '../auth/scope.ts';
import { type Answer, type Call, exchange } from '../host/exchange.ts';
import type { RegistryHost } from '../host/host.ts';

/** A repository on a host: where requests go. */
export interface Place {
  readonly host: RegistryHost;
  /** The repository's name on that host; differs from the reference's behind a mirror. */
  readonly repository: string;
}

/** A call within a repository; `path` comes after the repository's name. */
export type PlaceCall = Omit<Call, 'target' | 'repository' | 'actions'> & {
  readonly path: string | URL;
  readonly action: Action;
};

const actionSets: Readonly<Record<Action, readonly Action[]>> = {
  pull: ['pull'],
  push: ['pull', 'push'],
  delete: ['delete', 'pull', 'push'],
};

/** Sends a call to a repository. Rejects with a RequestFailure. */
export function send(place: Place, call: PlaceCall, signal: AbortSignal): Promise<Answer> {
  const { path, action, ...rest } = call;
  const { host, repository } = place;
  return exchange(
    host,
    {
      ...rest,
      repository,
      actions: actionSets[action],
      target: typeof path === 'string' ? `/v2/${repository}/${path}` : path,
    },
    signal,
  );
}

/** Names a place and something in it for messages. */
export function nameOf(place: Place, selector = ''): string {
  const separator = selector === '' ? '' : selector.includes(':') ? '@' : ':';
  return `${place.host.registry}/${place.repository}${separator}${selector}`;
}
