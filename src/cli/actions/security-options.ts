/** `--security-opt`, with the words that people know from other tools. */

import { readFileSync, statSync } from 'node:fs';
import { BuildError } from '../../errors/index.ts';
import type { SandboxRequest } from '../../pipeline/index.ts';
import { defaultCapabilities, readSeccompProfile } from '../../runtime/index.ts';
import { listOption, type OptionValues } from '../command.ts';

const reasons: Readonly<Record<string, string>> = {
  label: 'SELinux labels are those of the process that builds: only root may choose others',
  apparmor: 'AppArmor profiles are those of the process that builds: only root may choose others',
};

/** Docker's own default has a fifteenth of it. */
const longestProfile = 1024 * 1024;

/**
 * Reads `seccomp=unconfined`, `seccomp=FILE` and `no-new-privileges`, which is always so.
 *
 * @param dropped the capabilities that scripts do without: conditions of a profile are decided by the others
 * @throws BuildError `USAGE_INVALID` with the reason why an option is not possible, or the place in the profile
 */
export function securityFrom(
  options: OptionValues,
  dropped: readonly string[],
): Pick<SandboxRequest, 'seccomp'> {
  let seccomp: SandboxRequest['seccomp'];
  for (const text of listOption(options, 'securityOpt')) {
    const [, chosen] = /^seccomp[=:](.+)$/.exec(text) ?? [];
    if (chosen === 'unconfined') seccomp = 'unconfined';
    else if (chosen !== undefined) seccomp = readProfile(text, chosen, dropped);
    else if (!/^no-new-privileges(?:[=:]true)?$/.test(text)) throw refused(text);
  }
  return seccomp === undefined ? {} : { seccomp };
}

function readProfile(text: string, path: string, dropped: readonly string[]) {
  const capabilities = defaultCapabilities.filter((name) => !dropped.includes(name));
  return readSeccompProfile(contentOf(text, path), path, { capabilities });
}

function contentOf(text: string, path: string): string {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) throw new Error('it is no file');
    if (stats.size > longestProfile) throw new Error(`it has more than ${longestProfile} bytes`);
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw invalid(text, `the profile cannot be read: ${(cause as Error).message}`, cause);
  }
}

function refused(text: string): BuildError {
  const [name = ''] = text.split(/[=:]/);
  return invalid(text, Object.hasOwn(reasons, name) ? reasons[name] : 'there is no such option');
}

function invalid(text: string, reason = '', cause?: unknown): BuildError {
  return new BuildError('USAGE_INVALID', `--security-opt ${JSON.stringify(text)}: ${reason}`, {
    suggestion: 'possible are seccomp=FILE, seccomp=unconfined and no-new-privileges',
    ...(cause === undefined ? {} : { cause }),
  });
}
