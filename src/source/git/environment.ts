/**
 * The surroundings git runs in: an environment built from nothing and a configuration that is pinned.
 *
 * Repositories are hostile: no hook, filter, file-system monitor, pager or helper that they name may
 * run, and no protocol outside the allow-list may be spoken (CVE-2018-17456, CVE-2022-39253,
 * CVE-2024-32002, CVE-2024-45496). The user's own configuration is trusted, but only the part of it that
 * says how to reach servers is taken over.
 */

import type { GitLocation, GitProtocol } from '../types.ts';

/** The environment of the user as names and values; never changed. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables taken over as they are: finding programs, reaching agents, proxies and trust stores. */
const inherited = [
  'PATH', 'HOME', 'XDG_CONFIG_HOME', 'USER', 'LOGNAME', 'TMPDIR',
  'SSH_AUTH_SOCK', 'SSH_ASKPASS', 'SSH_ASKPASS_REQUIRE', 'DISPLAY',
  'GIT_SSH', 'GIT_SSH_COMMAND', 'GIT_SSH_VARIANT', 'GIT_ASKPASS',
  'GIT_SSL_CAINFO', 'GIT_SSL_CAPATH', 'GIT_SSL_NO_VERIFY', 'SSL_CERT_FILE', 'SSL_CERT_DIR',
  'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY',
  'http_proxy', 'https_proxy', 'all_proxy', 'no_proxy',
] as const; // biome-ignore format: a table reads better in rows

/** Damage in the objects of old but honest repositories that git's strict checks would refuse. */
const toleratedDamage = [
  'badTimezone', 'missingSpaceBeforeDate', 'zeroPaddedFilemode', 'missingNameBeforeEmail',
  'missingSpaceBeforeEmail', 'badDateOverflow', 'nullSha1', 'fullPathname',
] as const; // biome-ignore format: a table reads better in rows

/** A setting of git: name and value. */
export type GitSetting = readonly [name: string, value: string];

/** What the user's own settings and environment may override. */
const defaultSettings: readonly GitSetting[] = [
  ['core.sshCommand', 'ssh -o BatchMode=yes -o ConnectTimeout=30 -o ServerAliveInterval=15'],
];

/** What decides about one run's configuration. */
export interface GitPolicy {
  readonly protocols: readonly GitProtocol[];
  /** Credentials of the source, sent to its host only. */
  readonly location?: GitLocation;
  /** Settings of the user, already reduced by {@link trustedSettings}. */
  readonly userSettings: readonly GitSetting[];
}

/** Returns the whole environment of a git process. Credentials travel here, not in arguments, which everyone can read. */
export function gitEnvironment(env: Environment, policy: GitPolicy): Record<string, string> {
  const result: Record<string, string> = {
    ...inheritedFrom(env),
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_PAGER: 'cat',
    GIT_ADVICE: '0',
    GIT_LFS_SKIP_SMUDGE: '1',
  };
  const settings = [...defaultSettings, ...policy.userSettings, ...pinnedSettings(policy)];
  result['GIT_CONFIG_COUNT'] = String(settings.length);
  for (const [index, [name, value]] of settings.entries()) {
    result[`GIT_CONFIG_KEY_${index}`] = name;
    result[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return result;
}

/** Returns the environment in which the user's own configuration can be listed. */
export function listingEnvironment(env: Environment): Record<string, string> {
  return { ...inheritedFrom(env), LC_ALL: 'C', GIT_DIR: '/dev/null' };
}

/** Keeps the settings that say how to reach servers, out of all that the user has. */
export function trustedSettings(all: readonly GitSetting[]): readonly GitSetting[] {
  const wanted =
    /^(?:credential\.|http\.|url\..*\.insteadof$|core\.sshcommand$|core\.askpass$|ssh\.variant$|safe\.directory$)/;
  return all.filter(([name]) => wanted.test(name));
}

function inheritedFrom(env: Environment): Record<string, string> {
  return Object.fromEntries(
    inherited.flatMap((name) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function pinnedSettings(policy: GitPolicy): readonly GitSetting[] {
  return [
    ['core.hooksPath', '/dev/null'],
    ['core.fsmonitor', 'false'],
    ['core.attributesFile', '/dev/null'],
    ['core.excludesFile', '/dev/null'],
    ['core.autocrlf', 'false'],
    ['core.symlinks', 'true'],
    ['core.protectNTFS', 'true'],
    ['core.protectHFS', 'true'],
    ['init.templateDir', ''],
    ['init.defaultBranch', 'main'],
    ['fetch.recurseSubmodules', 'false'],
    ['submodule.recurse', 'false'],
    ['gc.auto', '0'],
    ['maintenance.auto', 'false'],
    ['advice.detachedHead', 'false'],
    ['http.lowSpeedLimit', '1'],
    ['http.lowSpeedTime', '60'],
    ['transfer.fsckObjects', 'true'],
    ...toleratedDamage.map((id): GitSetting => [`fetch.fsck.${id}`, 'ignore']),
    ['protocol.allow', 'never'],
    ...policy.protocols.map((name): GitSetting => [`protocol.${name}.allow`, 'always']),
    ...authorizationSettings(policy.location),
  ];
}

function authorizationSettings(location: GitLocation | undefined): readonly GitSetting[] {
  if (location?.authorization === undefined) return [];
  const { origin } = new URL(location.url);
  const value = Buffer.from(location.authorization, 'utf8').toString('base64');
  return [[`http.${origin}/.extraHeader`, `Authorization: Basic ${value}`]];
}
