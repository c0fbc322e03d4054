/** How the options of `s2oci build` become a build request. */

import { resolve } from 'node:path';
import { parseCacheExport, parseCacheImport } from '../../cache/index.ts';
import type { Settings } from '../../config/index.ts';
import { BuildError } from '../../errors/index.ts';
import { hostPlatform, parsePlatform } from '../../model/index.ts';
import {
  type BuildRequest,
  type CacheRequest,
  parseCache,
  parseSecret,
  parseSsh,
  type SandboxRequest,
} from '../../pipeline/index.ts';
import { parseVariable } from '../../s2i/index.ts';
import {
  type CommandIo,
  flagOption,
  type Invocation,
  listOption,
  type OptionValues,
  textOption,
} from '../command.ts';
import { limitsFrom } from './limit-options.ts';
import { securityFrom } from './security-options.ts';

/**
 * Builds the request out of what was typed.
 *
 * @throws BuildError `USAGE_INVALID`
 */
export function buildRequestFrom(
  { args, options, io }: Invocation,
  settings: Settings,
): BuildRequest {
  const [source = '', builder = '', tag = ''] = args;
  const { platform } = settings;
  return {
    source,
    builder,
    tag,
    platform: platform === undefined ? hostPlatform('linux', io.arch) : parsePlatform(platform),
    copy: flagOption(options, 'copy'),
    gitHead: flagOption(options, 'gitHead'),
    allowRemoteScripts: flagOption(options, 'allowRemoteScripts'),
    keepSymlinks: flagOption(options, 'keepSymlinks') || !flagOption(options, 'compat'),
    ignoreSubmodules: flagOption(options, 'ignoreSubmodules'),
    env: pairs(options, 'env'),
    buildEnv: pairs(options, 'buildEnv'),
    labels: Object.fromEntries(pairs(options, 'label').map(splitPair)),
    incremental: flagOption(options, 'incremental'),
    blockOnBuild: flagOption(options, 'blockOnbuild'),
    saveArtifacts: textOption(options, 'saveArtifacts') === 'never' ? 'never' : 'auto',
    removePrevious: flagOption(options, 'rm'),
    runtimeArtifacts: listOption(options, 'runtimeArtifact'),
    keep: keepOf(options),
    storage: settings.storage,
    ...sandboxRequestFrom(options, settings),
    injections: listOption(options, 'inject'),
    ...given(options, io),
    compression: settings.compression,
    timestamps: settings.timestamps,
    cache: cacheRequestFrom(options),
    ...texts(options),
    ...optional('compressionLevel', settings.compressionLevel),
    ...optional('sourceDateEpoch', sourceDateEpoch(io)),
  };
}

/** Reads the options of the sandbox. */
export function sandboxRequestFrom(options: OptionValues, settings: Settings): SandboxRequest {
  const dropCapabilities = listOption(options, 'capDrop')
    .flatMap((list) => list.split(','))
    .map(capabilityName);
  return {
    network: settings.network,
    addHosts: listOption(options, 'addHost').map(hostPair),
    dropCapabilities,
    volumes: listOption(options, 'volume'),
    ...limitsFrom(options),
    ...securityFrom(options, dropCapabilities),
    ...optional('caBundle', settings.caBundle),
    ...optional('executor', settings.executor),
    ...optional('minIsolation', settings.minIsolation),
    ...optional('timeoutSeconds', settings.timeout),
  };
}

/** Reads the options of build caches. */
export function cacheRequestFrom(options: OptionValues): CacheRequest {
  return {
    read: !flagOption(options, 'noCache'),
    from: listOption(options, 'cacheFrom').map(parseCacheImport),
    to: listOption(options, 'cacheTo').map(parseCacheExport),
    explain: flagOption(options, 'explain'),
  };
}

const plainTexts = [
  'ref',
  'contextDir',
  'exclude',
  'scriptsUrl',
  'imageScriptsUrl',
  'destination',
  'assembleUser',
  'assembleRuntimeUser',
  'incrementalFrom',
  'runtimeImage',
  'allowedUids',
  'description',
] as const;

function texts(options: OptionValues): Partial<BuildRequest> {
  const entries = plainTexts.flatMap((name) => {
    const value = textOption(options, name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(entries),
    ...optional('displayName', textOption(options, 'applicationName')),
  };
}

/** Paths are those of this machine, so they are made absolute here. */
function given(
  options: OptionValues,
  { cwd }: CommandIo,
): Pick<BuildRequest, 'secrets' | 'caches' | 'ssh'> {
  const absolute = (path: string) => resolve(cwd, path);
  return {
    secrets: listOption(options, 'secret').map((text) => parseSecret(text, absolute)),
    caches: listOption(options, 'cache').map(parseCache),
    ssh: listOption(options, 'ssh').map((text) => parseSsh(text, absolute)),
  };
}

function keepOf(options: OptionValues): BuildRequest['keep'] {
  if (flagOption(options, 'compat')) return 'all';
  return flagOption(options, 'keepSource') ? 'source' : 'nothing';
}

/** One property, or none when its value is undefined. */
export function optional<K extends string, V>(
  key: K,
  value: V | undefined,
): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}

function pairs(options: OptionValues, name: string): readonly string[] {
  return listOption(options, name).map(parseVariable);
}

/** Takes `NAME=value` apart. */
export function splitPair(pair: string): readonly [string, string] {
  const at = pair.indexOf('=');
  return [pair.slice(0, at), pair.slice(at + 1)];
}

function hostPair(text: string): string {
  if (/^[A-Za-z0-9._-]+:[0-9A-Fa-f:.]+$/.test(text)) return text;
  throw new BuildError('USAGE_INVALID', `not name:ip: ${JSON.stringify(text)}`);
}

function capabilityName(text: string): string {
  const name = text.trim().toUpperCase();
  return name.startsWith('CAP_') ? name : `CAP_${name}`;
}

/** SOURCE_DATE_EPOCH as reproducible-builds.org defines it: decimal seconds. */
export function sourceDateEpoch(io: CommandIo): number | undefined {
  const text = io.env['SOURCE_DATE_EPOCH'];
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new BuildError(
    'USAGE_INVALID',
    `SOURCE_DATE_EPOCH is not a count of seconds: ${JSON.stringify(text)}`,
  );
}
