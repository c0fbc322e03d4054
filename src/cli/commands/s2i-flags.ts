/**
 * Flags of source-to-image that mean something else here, or nothing: each does what it can and says what it
 * cannot, or is refused with the reason. None is ignored in silence.
 */

import { BuildError } from '../../errors/index.ts';
import {
  type CommandSpec,
  flagOption,
  type Invocation,
  type OptionSpec,
  textOption,
} from '../command.ts';

const policies = ['always', 'if-not-present', 'never'] as const;
const policyText = 'of s2i: always and if-not-present mean the same here; never is refused';

/** Flags about the Docker daemon and about logs, which all commands of source-to-image take. */
export const daemonOptions: readonly OptionSpec[] = [
  { flags: '-U, --url <url>', description: 'of s2i: the Docker daemon; there is none, so refused' },
  { flags: '--cert <file>', description: 'of s2i: for the Docker daemon; no effect' },
  { flags: '--key <file>', description: 'of s2i: for the Docker daemon; no effect' },
  { flags: '--ca <file>', description: 'of s2i: for the Docker daemon; no effect' },
  { flags: '--tls', description: 'of s2i: for the Docker daemon; no effect' },
  { flags: '--tlsverify', description: 'of s2i: for the Docker daemon; no effect' },
  { flags: '--loglevel <n>', description: 'of s2i: 1 or more is --verbose' },
];

/** Flags of builds of source-to-image. */
export const s2iOptions: readonly OptionSpec[] = [
  { flags: '--scripts <url>', description: 'old spelling of --scripts-url' },
  { flags: '-l, --location <dir>', description: 'old spelling of --destination' },
  { flags: '--dockercfg-path <file>', description: 'of s2i: as --authfile' },
  { flags: '-p, --pull-policy <policy>', description: policyText, choices: policies },
  { flags: '--incremental-pull-policy <policy>', description: policyText, choices: policies },
  { flags: '--runtime-pull-policy <policy>', description: policyText, choices: policies },
  { flags: '--save-temp-dir', description: 'of s2i: keeps working directories; no effect' },
  ...daemonOptions,
];

/** Flags that another name has now. */
const renamed: readonly (readonly [from: string, to: string, spelling: string])[] = [
  ['scripts', 'scriptsUrl', '--scripts is an old spelling of --scripts-url'],
  ['location', 'destination', '--location is an old spelling of --destination'],
  ['dockercfgPath', 'authfile', '--dockercfg-path is taken as --authfile'],
];

const withoutEffect: Readonly<Record<string, string>> = {
  cert: '--cert has no effect: there is no Docker daemon',
  key: '--key has no effect: there is no Docker daemon',
  ca: '--ca has no effect: there is no Docker daemon; --ca-bundle is for the scripts of a build',
  tls: '--tls has no effect: there is no Docker daemon',
  tlsverify: '--tlsverify has no effect: there is no Docker daemon',
  saveTempDir: '--save-temp-dir has no effect: there are no working directories to look at',
};

/** An invocation in our own words, and what the user should know about the translation. */
export interface AcceptedInvocation {
  readonly invocation: Invocation;
  readonly notices: readonly string[];
}

/**
 * Translates the flags of source-to-image.
 *
 * @throws BuildError `USAGE_INVALID` for what cannot be done without a daemon
 */
export function acceptS2iFlags(invocation: Invocation): AcceptedInvocation {
  const options: Record<string, Invocation['options'][string]> = { ...invocation.options };
  const notices: string[] = [];
  if (textOption(options, 'url') !== undefined) throw noDaemon();
  for (const [from, to, notice] of renamed) {
    if (options[from] === undefined) continue;
    options[to] ??= options[from];
    notices.push(notice);
  }
  for (const [name, notice] of Object.entries(withoutEffect))
    if (options[name] !== undefined && options[name] !== false) notices.push(notice);
  for (const name of ['pullPolicy', 'incrementalPullPolicy', 'runtimePullPolicy'])
    notices.push(...policyNotice(name, textOption(options, name)));
  if (Number(textOption(options, 'loglevel') ?? 0) > 0 && !flagOption(options, 'verbose'))
    options['verbose'] = true;
  return { invocation: { ...invocation, options }, notices };
}

/** Gives a command the flags that all commands of source-to-image take; what has no effect is said. */
export function withDaemonFlags(spec: CommandSpec): CommandSpec {
  const { run } = spec;
  return {
    ...spec,
    options: [...(spec.options ?? []), ...daemonOptions],
    run: async (typed) => {
      const { invocation, notices } = acceptS2iFlags(typed);
      for (const notice of notices) typed.io.stderr.write(`warning: ${notice}\n`);
      return (await run?.(invocation)) ?? 0;
    },
  };
}

function policyNotice(name: string, policy: string | undefined): readonly string[] {
  const flag = `--${name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`;
  if (policy === 'never') {
    throw new BuildError('USAGE_INVALID', `${flag} never: no daemon has images of its own`, {
      suggestion: 'name the image as oci:DIR, oci-archive:FILE or docker-archive:FILE',
    });
  }
  return policy === 'if-not-present'
    ? [
        `${flag} if-not-present: the registry is asked what the tag means; only missing layers are fetched`,
      ]
    : [];
}

function noDaemon(): BuildError {
  return new BuildError('USAGE_INVALID', '--url names a Docker daemon, and none is used', {
    suggestion: 'leave it out: images come from registries, OCI layouts and archives',
  });
}
