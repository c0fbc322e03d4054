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
import { type ClosableTransport, undiciTransport } from './http/undici-transport.ts';
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
   * Returns the repository that a reference names; its tag and digest only choose among the rules of
   * registries.conf. Never touches the network.
   *
   * @throws BuildError `POLICY_VIOLATION` when registries.conf blocks it
   */
  repository(reference: Reference): Repository;
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
  const { context, hostOf, close } = openHosts(deps, settings);
  const locations = deps.locations ?? memoryLocations();
  return {
    repository: (reference) => {
      const { registry, repository } = reference;
      const { named, upstream, mirrors } = planPlaces(reference, settings.registries);
      const placeOf = (place: PullPlace): Place => ({
        host: hostOf(place.registry, place.insecure),
        repository: place.repository,
      });
      return new Repository({
        context,
        registry,
        repository,
        locations,
        place: placeOf(named),
        upstream: placeOf(upstream),
        mirrors: mirrors.map((mirror) => ({
          ...placeOf(mirror),
          pullFrom: mirror.pullFrom,
          broken: false,
        })),
        known: new Map(),
      });
    },
    ping: (registry, signal) => {
      const { insecure } = planPlaces({ registry, repository: '' }, settings.registries).named;
      return pingRegistry(hostOf(registry, insecure), boundedSignal(context, signal));
    },
    get totals() {
      return context.counters.totals;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Hosts {
  readonly context: Context;
  readonly hostOf: (registry: string, insecure: boolean) => RegistryHost;
  readonly close: () => Promise<void>;
}

function openHosts(deps: RegistryClientDeps, settings: RegistrySettings): Hosts {
  const shared = {
    credentials: deps.credentials ?? anonymous,
    reporter: deps.reporter ?? silentReporter,
    clock: deps.clock ?? systemClock,
    random: deps.random ?? Math.random,
    counters: new Counters(),
    secrets: new Secrets(),
    resolveHost,
  };
  const transports: ClosableTransport[] = [];
  const contextOf = (insecure: readonly string[]): Context => {
    const own = { ...settings, insecure };
    if (deps.transport !== undefined)
      return { ...shared, settings: own, transport: deps.transport };
    const made = undiciTransport({ ...own, connectMs: settings.timeouts.connectMs });
    transports.push(made);
    return { ...shared, settings: own, transport: made.send };
  };
  const context = contextOf(settings.insecure);
  const hosts = new Map<string, RegistryHost>();
  return {
    context,
    // A rule makes a host insecure for what the rule covers only, so that has connections of its own.
    hostOf: (registry, insecure) => {
      const key = `${registry} ${insecure}`;
      const known = hosts.get(key);
      if (known !== undefined) return known;
      const own = insecure ? contextOf([...settings.insecure, registry]) : context;
      const host = new RegistryHost(own, registry);
      hosts.set(key, host);
      return host;
    },
    close: async () => {
      await Promise.all(transports.map((transport) => transport.close()));
    },
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
