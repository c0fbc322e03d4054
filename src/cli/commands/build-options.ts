/** The options of `s2oci build`, and how they become a build request. */

import type { Settings } from '../../config/index.ts';
import { BuildError } from '../../errors/index.ts';
import { hostPlatform, parsePlatform } from '../../model/index.ts';
import type { BuildRequest } from '../../pipeline/index.ts';
import { executorNames, networkModes } from '../../runtime/index.ts';
import { parseVariable } from '../../s2i/index.ts';
import {
  type CommandIo,
  flagOption,
  type Invocation,
  listOption,
  type OptionSpec,
  type OptionValues,
  textOption,
} from '../command.ts';

/** Options that choose and shape the source. */
export const sourceOptions: readonly OptionSpec[] = [
  { flags: '-r, --ref <ref>', description: 'git branch, tag or commit to build' },
  { flags: '--context-dir <dir>', description: 'directory inside the source to build from' },
  {
    flags: '--exclude <regexp>',
    description: 'paths of the source to leave out',
    defaultValue: '(^|/)\\.git(/|$)',
  },
  {
    flags: '-c, --copy',
    description: 'copy a local git repository as it is on disk (the default)',
  },
  {
    flags: '--git-head',
    description: 'build what is committed in a local repository, not the files on disk',
  },
  {
    flags: '--keep-symlinks',
    description:
      'keep symbolic links of the source (the default is to keep them too; for s2i scripts)',
  },
  { flags: '--ignore-submodules', description: 'do not fetch git submodules' },
];

/** Options that say what is built. */
export const contentOptions: readonly OptionSpec[] = [
  {
    flags: '-e, --env <NAME=VALUE>',
    description: 'environment of assemble and of the image',
    repeatable: true,
  },
  {
    flags: '-E, --environment-file <file>',
    description: 'file of NAME=value lines; they win over -e',
  },
  {
    flags: '--build-env <NAME=VALUE>',
    description: 'environment of assemble only; not kept in the image',
    repeatable: true,
  },
  {
    flags: '-s, --scripts-url <url>',
    description: 'where the S2I scripts are, before the source and the builder image',
  },
  {
    flags: '--image-scripts-url <url>',
    description: 'for --as-dockerfile: image:// place of scripts when the builder cannot be asked',
  },
  {
    flags: '--allow-remote-scripts',
    description: 'let the builder image name scripts on a server, with their digests',
  },
  {
    flags: '-d, --destination <dir>',
    description: 'directory in the container that sources and artifacts go below',
  },
  { flags: '--assemble-user <user>', description: 'user that assemble runs as' },
  {
    flags: '-u, --allowed-uids <ranges>',
    description: 'numeric users that the builder may have, such as 1-',
  },
  { flags: '-n, --application-name <name>', description: 'display name of the application' },
  { flags: '--description <text>', description: 'description of the application' },
  { flags: '--label <NAME=VALUE>', description: 'label of the image', repeatable: true },
  { flags: '--incremental', description: 'reuse artifacts of the previous image (save-artifacts)' },
  {
    flags: '--keep-source',
    description: 'keep the source in the image also when nothing in it refers to it',
  },
  {
    flags: '--compat',
    description: 'keep source, artifacts and scripts in the image, as source-to-image does',
  },
  {
    flags: '--platform <platform>',
    description: 'platform to take from a multi-platform builder image',
  },
];

/** Options of the place in which assemble runs. */
export const sandboxOptions: readonly OptionSpec[] = [
  { flags: '--executor <name>', description: 'what runs assemble', choices: executorNames },
  {
    flags: '--storage <kind>',
    description: 'how changes are kept apart',
    choices: ['auto', 'overlay', 'copy'],
  },
  {
    flags: '--min-isolation <level>',
    description: 'fail rather than run with less isolation',
    choices: ['A', 'B', 'C', 'D', 'F'],
  },
  { flags: '--network <mode>', description: 'network of assemble', choices: networkModes },
  {
    flags: '--add-host <name:ip>',
    description: 'line for /etc/hosts of assemble',
    repeatable: true,
  },
  {
    flags: '--cap-drop <capability>',
    description: 'capability that assemble does without',
    repeatable: true,
  },
  {
    flags: '--ca-bundle <file>',
    description: 'certificate authorities that assemble trusts in addition; not kept in the image',
  },
  {
    flags: '-v, --volume <host:container[:ro]>',
    description: 'directory or file of the host that assemble sees',
    repeatable: true,
  },
  {
    flags: '-i, --inject <source:destination>',
    description: 'files that assemble sees and no layer holds',
    repeatable: true,
  },
  { flags: '--timeout <seconds>', description: 'time after which assemble is ended' },
];

/** Options of the layer that is written. */
export const layerOptions: readonly OptionSpec[] = [
  {
    flags: '--compression <kind>',
    description: 'compression of the new layer',
    choices: ['gzip', 'zstd', 'none'],
  },
  {
    flags: '--compression-level <n>',
    description: 'compression level: 1 to 9 for gzip, 1 to 19 for zstd',
  },
  {
    flags: '--timestamps <mode>',
    description: 'clamp times to SOURCE_DATE_EPOCH, or preserve them',
    choices: ['clamp', 'preserve'],
  },
];

/** Options of where the result is written to. */
export const resultOptions: readonly OptionSpec[] = [
  {
    flags: '--as-dockerfile <file>',
    description: 'write the build as a Dockerfile with its context, and do not run it',
  },
  { flags: '--run', description: 'run the image after the build' },
  { flags: '--metadata-file <file>', description: 'write the result as JSON' },
  { flags: '--digest-file <file>', description: 'write the digest of the image' },
  { flags: '--callback-url <url>', description: 'server that is told how the build ended' },
  { flags: '--iidfile <file>', description: 'write the image id (digest of its config)' },
];

/** Options of talking to registries. */
export const registryOptions: readonly OptionSpec[] = [
  {
    flags: '--insecure-registry <host>',
    description: 'registry that may be plain http or have an untrusted certificate',
    repeatable: true,
  },
  { flags: '--authfile <file>', description: 'file with registry credentials' },
];

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
    keepSymlinks: true,
    ignoreSubmodules: flagOption(options, 'ignoreSubmodules'),
    env: pairs(options, 'env'),
    buildEnv: pairs(options, 'buildEnv'),
    labels: Object.fromEntries(pairs(options, 'label').map(splitPair)),
    incremental: flagOption(options, 'incremental'),
    keep: keepOf(options),
    storage: settings.storage,
    network: settings.network,
    addHosts: listOption(options, 'addHost').map(hostPair),
    dropCapabilities: listOption(options, 'capDrop')
      .flatMap((list) => list.split(','))
      .map(capabilityName),
    volumes: listOption(options, 'volume'),
    injections: listOption(options, 'inject'),
    compression: settings.compression,
    timestamps: settings.timestamps,
    ...texts(options),
    ...optional('caBundle', settings.caBundle),
    ...optional('executor', settings.executor),
    ...optional('minIsolation', settings.minIsolation),
    ...optional('timeoutSeconds', settings.timeout),
    ...optional('compressionLevel', settings.compressionLevel),
    ...optional('sourceDateEpoch', sourceDateEpoch(io)),
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

function keepOf(options: OptionValues): BuildRequest['keep'] {
  if (flagOption(options, 'compat')) return 'all';
  return flagOption(options, 'keepSource') ? 'source' : 'nothing';
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}

function pairs(options: OptionValues, name: string): readonly string[] {
  return listOption(options, name).map(parseVariable);
}

function splitPair(pair: string): readonly [string, string] {
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
function sourceDateEpoch(io: CommandIo): number | undefined {
  const text = io.env['SOURCE_DATE_EPOCH'];
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new BuildError(
    'USAGE_INVALID',
    `SOURCE_DATE_EPOCH is not a count of seconds: ${JSON.stringify(text)}`,
  );
}
