/**
 * The registry client: one per command, with the state of every host it talks to.
 */

import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Reporter, silentReporter } from '../events/index.ts';
import type { Reference } from '../model/index.ts';
import type { Clock, Context } from './context.ts';
import { Counters, type Totals } from './counters.ts';
import { anonymous, type CredentialProvider } from './credentials/types.ts';
import type { Place } from './endpoints/place.ts';
import { RegistryHost } from './host/host.ts';
import { type AddressKind, kindOfAddress } from './http/address.ts';
import { Secrets } from './http/secrets.ts';
import type { Transport } from './http/types.ts';
import { undiciTransport } from './http/undici-transport.ts';
import { type BlobLocations, memoryLocations } from './locations.ts';
import { type PullPlace, planPlaces } from './mirrors/places.ts';
import { pingRegistry } from './operations/ping.ts';
import { boundedSignal } from './operations/state.ts';
import { Repository } from './repository.ts';
import { defaultRegistrySettings, type RegistrySettings } from './settings.ts';

/** The ports of a registry client. Everything has a default that suits a library user. */
export interface RegistryClientDeps {
  readonly credentials?: CredentialProvider;
  readonly settings?: Partial<RegistrySettings>;
  readonly reporter?: Reporter;
  /** Where blobs were seen before; default: remembered within the client only. */
  readonly locations?: BlobLocations;
  /** One HTTP hop; default: undici over HTTP/1.1. */
  readonly transport?: Transport;
  readonly clock?: Clock;
  readonly random?: () => number;
}

/** A client of OCI distribution registries. */
export interface RegistryClient extends AsyncDisposable {
  /**
   * Returns the repository that a reference names; its tag and digest play no part. Never touches the network.
   *
   * @throws BuildError `POLICY_VIOLATION` when registries.conf blocks it
   */
  repository(reference: Pick<Reference, 'registry' | 'repository'>): Repository;
  /**
   * Checks that a registry takes the credential that the provider has for it. Returns whether it asked
   * for one; a registry that lets everybody in proves nothing about it.
   *
   * @throws BuildError `REGISTRY_UNAUTHORIZED`, `REGISTRY_DENIED`; `REGISTRY_REFUSED` when its token server is
   * not one that may be told a credential; and the errors of the network
   */
  ping(registry: string, signal?: AbortSignal): Promise<boolean>;
  /** Bytes and requests so far. */
  readonly totals: Totals;
  /** Closes all connections. Idempotent. */
  close(): Promise<void>;
}

/** Makes a registry client. */
export function createRegistryClient(deps: RegistryClientDeps = {}): RegistryClient {
  const settings = { ...defaultRegistrySettings, ...deps.settings };
  const made =
    deps.transport === undefined
      ? undiciTransport({ ...settings, connectMs: settings.timeouts.connectMs })
      : undefined;
  const context: Context = {
    transport: deps.transport ?? (made?.send as Transport),
    settings,
    credentials: deps.credentials ?? anonymous,
    reporter: deps.reporter ?? silentReporter,
    clock: deps.clock ?? systemClock,
    random: deps.random ?? Math.random,
    counters: new Counters(),
    secrets: new Secrets(),
    resolveHost,
  };
  const hosts = new Map<string, RegistryHost>();
  const hostOf = (registry: string, insecure: boolean): RegistryHost => {
    const key = `${registry} ${insecure}`;
    const host = hosts.get(key) ?? new RegistryHost(context, { registry, insecure });
    hosts.set(key, host);
    return host;
  };
  const locations = deps.locations ?? memoryLocations();
  const close = async (): Promise<void> => made?.close();
  return {
    repository: ({ registry, repository }) => {
      const { upstream, mirrors } = planPlaces({ registry, repository }, settings.registries);
      const placeOf = (place: PullPlace): Place => ({
        host: hostOf(place.registry, place.insecure),
        repository: place.repository,
      });
      return new Repository({
        context,
        registry,
        repository,
        locations,
        place: placeOf(upstream),
        mirrors: mirrors.map((mirror) => ({
          ...placeOf(mirror),
          pullFrom: mirror.pullFrom,
          broken: false,
        })),
        known: new Map(),
      });
    },
    ping: (registry, signal) => {
      const { insecure } = planPlaces({ registry, repository: '' }, settings.registries).upstream;
      return pingRegistry(hostOf(registry, insecure), boundedSignal(context, signal));
    },
    get totals() {
      return context.counters.totals;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    try {
      await sleep(ms, undefined, { signal });
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    }
  },
};

async function resolveHost(hostname: string): Promise<readonly AddressKind[]> {
  try {
    const addresses = await lookup(hostname, { all: true });
    return addresses.map(({ address }) => kindOfAddress(address));
  } catch {
    return [];
  }
}
