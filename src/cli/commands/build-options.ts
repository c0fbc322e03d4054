/** The options of `s2oci build`; other commands share some of them. */

import type { ExecutorName, NetworkMode } from '../../runtime/index.ts';
import type { OptionSpec } from '../command.ts';
import { s2iOptions } from './s2i-flags.ts';

// What the runtime names too: the table of commands loads no other folder, so a test compares.
const executors: readonly ExecutorName[] = [
  'crun',
  'runc',
  'bwrap',
  'unshare',
  'podman',
  'chroot',
  'in-builder',
];

/** Networks that scripts can have. */
export const networks: readonly NetworkMode[] = ['host', 'none', 'slirp4netns', 'pasta'];

/** Consent to labels that name a server. */
export const allowRemoteScripts: OptionSpec = {
  flags: '--allow-remote-scripts',
  description: 'let builder and runtime image name scripts on a server, with their digests',
};

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
  allowRemoteScripts,
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
  {
    flags: '--incremental',
    description: 'reuse artifacts of the last build, and keep those of this one for the next',
  },
  {
    flags: '--incremental-from <image>',
    description: "the image whose artifacts are reused, instead of the tag's own",
  },
  {
    flags: '--save-artifacts <mode>',
    description: 'keep artifacts beside the image of an incremental build',
    choices: ['auto', 'never'],
    defaultValue: 'auto',
  },
  {
    flags: '--rm',
    description: 'delete the image that the tag named before, after an incremental build',
  },
  {
    flags: '--block-onbuild',
    description: 'refuse builder images with ONBUILD instructions',
  },
  {
    flags: '--runtime-image <image>',
    description: 'image that the result stands on, instead of the builder image',
  },
  {
    flags: '-a, --runtime-artifact <source[:destination]>',
    description: 'file or directory of the builder image that goes into the runtime image',
    repeatable: true,
  },
  { flags: '--assemble-runtime-user <user>', description: 'user that assemble-runtime runs as' },
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

/** Options that limit what something uses; it is put into a control group where one is delegated. */
export function limitOptionsOf(what: string): readonly OptionSpec[] {
  return [
    {
      flags: '--memory <size>',
      description: `memory of ${what}, such as 2G; it is ended beyond it`,
    },
    { flags: '--cpus <number>', description: `processors that ${what} may use, such as 1.5` },
    {
      flags: '--pids-limit <number>',
      description: `processes of ${what}; it is ended when it wants more and more`,
    },
    {
      flags: '--ulimit <name=soft[:hard]>',
      description: `resource limit of ${what}, such as nofile=1024`,
      repeatable: true,
    },
  ];
}

/** Options of the place in which assemble runs. */
export const sandboxOptions: readonly OptionSpec[] = [
  { flags: '--executor <name>', description: 'what runs assemble', choices: executors },
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
  { flags: '--network <mode>', description: 'network of assemble', choices: networks },
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
    flags: '--security-opt <option>',
    description:
      'seccomp=FILE takes the filter of system calls from a profile, seccomp=unconfined leaves it out',
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
  {
    flags: '--secret <id=..,src=..|env=..>',
    description: 'file or variable that assemble can read below /run/secrets, and no image holds',
    repeatable: true,
  },
  {
    flags: '--cache <target=..[,id=..]>',
    description: 'directory that assemble finds again in the next build, and no image holds',
    repeatable: true,
  },
  {
    flags: '--ssh <default|id=socket-or-key>',
    description: 'ssh agent, or keys, that assemble may use',
    repeatable: true,
  },
  ...limitOptionsOf('assemble'),
  { flags: '--log-limit <size>', description: 'output of assemble that is shown (default: 64M)' },
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
  {
    flags: '--token-server <registry=host>',
    description: 'token server of another domain that may be told the password of a registry',
    repeatable: true,
  },
];

/** Options of build caches. */
export const cacheOptions: readonly OptionSpec[] = [
  {
    flags: '--no-cache',
    description: 'run every step, also when its result is in a cache',
    standsAlone: true,
  },
  {
    flags: '--cache-from <ref>',
    description: 'build cache that is looked into, such as a name in a registry',
    repeatable: true,
  },
  {
    flags: '--cache-to <ref>',
    description:
      'build cache that the results of this build are put into; ",mode=min" leaves out those of other stages',
    repeatable: true,
  },
  { flags: '--explain', description: 'tell for each step why it was or was not cached' },
];

/** Options of what is told. */
export const reportOptions: readonly OptionSpec[] = [
  { flags: '-q, --quiet', description: 'print only the result and errors' },
  {
    flags: '--progress <kind>',
    description: 'how progress is shown (default: auto)',
    choices: ['auto', 'tty', 'plain', 'jsonl', 'github', 'gitlab'],
  },
  { flags: '--verbose', description: 'tell more' },
  { flags: '--no-color', description: 'no colours (also: NO_COLOR)' },
];

/** The options of everything that builds. */
export const buildOptions: readonly OptionSpec[] = [
  ...sourceOptions,
  ...contentOptions,
  ...sandboxOptions,
  ...layerOptions,
  ...resultOptions,
  ...registryOptions,
  ...cacheOptions,
  ...reportOptions,
  ...s2iOptions,
];
