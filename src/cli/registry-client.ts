/** Makes the registry client of a command out of settings, environment, credentials and mirrors. */

import { homedir } from 'node:os';
import type { Config } from '../config/index.ts';
import { BuildError } from '../errors/index.ts';
import type { Reporter } from '../events/index.ts';
import {
  type CredentialSettings,
  createRegistryClient,
  credentialSettings,
  loadCredentials,
  loadRegistriesConfig,
  type RegistriesConfig,
  type RegistryClient,
  type RegistryClientDeps,
  registriesConfigPlaces,
} from '../registry/index.ts';
import type { CommandIo } from './command.ts';

/** What a command brings itself: other credentials than the user's files, a memory of blobs, rules that it has read. */
export interface OwnParts extends Pick<RegistryClientDeps, 'credentials' | 'locations'> {
  readonly registries?: RegistriesConfig;
}

/** Makes a client with the user's settings. The caller closes it. */
export async function openRegistryClient(
  config: Config,
  io: CommandIo,
  reporter: Reporter,
  { registries, ...own }: OwnParts = {},
): Promise<RegistryClient> {
  const warn = (message: string) =>
    reporter.emit({ type: 'log', level: 'warning', message, time: Date.now() });
  const home = homeOf(io);
  return createRegistryClient({
    credentials: loadCredentials(credentialPlaces(config, io), warn),
    settings: {
      insecure: config.values.insecureRegistry,
      caFiles: authorities(io),
      certificateDirectories: [
        `${home}/.config/containers/certs.d`,
        '/etc/containers/certs.d',
        '/etc/docker/certs.d',
      ],
      proxy: proxies(io),
      registries: registries ?? (await loadRegistries(io)),
      realmHosts: tokenServers(config.values.tokenServer),
      ownProcess: true,
    },
    reporter,
    ...own,
  });
}

/** What the user's `registries.conf` says. */
export function loadRegistries(io: CommandIo): Promise<RegistriesConfig> {
  return loadRegistriesConfig(registriesConfigPlaces(io.env, homeOf(io)));
}

/** @throws BuildError `USAGE_INVALID` */
function tokenServers(pairs: readonly string[]): Record<string, readonly string[]> {
  const parsed = pairs.map((pair) => {
    const [, registry, host] = /^([^=\s]+)=([^=/\s]+)$/.exec(pair) ?? [];
    if (registry !== undefined && host !== undefined) return { registry, host };
    throw new BuildError('USAGE_INVALID', `not registry=host: ${JSON.stringify(pair)}`, {
      suggestion: 'name a token server such as registry.example.com=auth.example.org',
    });
  });
  const byRegistry = Object.groupBy(parsed, ({ registry }) => registry);
  return Object.fromEntries(
    Object.entries(byRegistry).map(([name, list = []]) => [name, list.map(({ host }) => host)]),
  );
}

/** Where credentials of this user are read and kept; `--authfile` comes before the environment. */
export function credentialPlaces(config: Config, io: CommandIo): CredentialSettings {
  const places = credentialSettings(io.env, { home: homeOf(io), uid: io.uid });
  const { authfile } = config.values;
  return authfile === undefined ? places : { ...places, authFile: authfile };
}

/** Files with certificate authorities that the environment names. */
export function authorities({ env }: CommandIo): readonly string[] {
  const file = env['SSL_CERT_FILE'];
  return file === undefined ? [] : [file];
}

/** Proxies by the usual variables, in lower or upper case. */
export function proxies({ env }: CommandIo): Record<string, string> {
  const value = (name: string) => env[name.toLowerCase()] || env[name.toUpperCase()];
  const found = {
    http: value('http_proxy'),
    https: value('https_proxy'),
    all: value('all_proxy'),
    no: value('no_proxy'),
  };
  return Object.fromEntries(
    Object.entries(found).flatMap(([key, text]) => (text === undefined ? [] : [[key, text]])),
  );
}

function homeOf({ env }: CommandIo): string {
  return env['HOME'] || homedir();
}
