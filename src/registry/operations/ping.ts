/**
 * Asking a registry whether it takes our credential: end-1 of the distribution-spec, without a repository.
 */

import { parseChallenges } from '../auth/challenge.ts';
import { isTrustedRealm, parseRealm } from '../auth/realm.ts';
import { exchange, unexpected } from '../host/exchange.ts';
import type { RegistryHost } from '../host/host.ts';
import { withRetry } from '../host/retry.ts';
import { ping } from '../host/scheme.ts';
import { discard } from '../http/body.ts';
import { RequestFailure } from '../http/failure.ts';

/**
 * Checks that a registry is there and takes our credential. Returns whether it asks for one at all: a
 * registry that lets everybody in proves nothing about a password.
 */
export function pingRegistry(host: RegistryHost, signal: AbortSignal): Promise<boolean> {
  const what = `log in to ${host.registry}`;
  const operation = { what, notFound: 'REGISTRY_PROTOCOL' } as const;
  return host.limits.small(() =>
    withRetry(host, operation, signal, async () => {
      const asks = await asksForCredential(host, signal);
      try {
        await present(host, signal);
      } catch (error) {
        throw refused(error);
      }
      return asks;
    }),
  );
}

/** Fails where the credential would be withheld, because then nothing would be checked. */
async function asksForCredential(host: RegistryHost, signal: AbortSignal): Promise<boolean> {
  const { context, registry } = host;
  const base = await host.base();
  const challenges = parseChallenges(await ping(context, base, signal));
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
  if (bearer === undefined) return challenges.length > 0;
  const realm = parseRealm(bearer.parameters.get('realm') ?? '', base);
  if (isTrustedRealm(registry, base, realm, context.settings.realmHosts)) return true;
  throw new RequestFailure(
    'refused',
    `its token server ${realm.host} is not a host of that registry, so it is told no password`,
    { url: realm },
  );
}

async function present(host: RegistryHost, signal: AbortSignal): Promise<void> {
  const call = {
    kind: 'ping',
    method: 'GET',
    target: '/v2/',
    repository: '',
    actions: [],
  } as const;
  const answer = await exchange(host, call, signal);
  if (answer.status !== 200) throw await unexpected(host, answer);
  await discard(answer);
}

function refused(error: unknown): unknown {
  if (!(error instanceof RequestFailure) || (error.status !== 401 && error.status !== 403)) {
    return error;
  }
  const suggestion = 'check the user name and the password; some registries want an access token';
  return new RequestFailure(error.kind, error.message, { ...error, suggestion });
}
