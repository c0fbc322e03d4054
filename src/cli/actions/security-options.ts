/** `--security-opt`, with the words that people know from other tools. */

import { BuildError } from '../../errors/index.ts';
import type { SandboxRequest } from '../../pipeline/index.ts';
import { listOption, type OptionValues } from '../command.ts';

const reasons: Readonly<Record<string, string>> = {
  label: 'SELinux labels are those of the process that builds: only root may choose others',
  apparmor: 'AppArmor profiles are those of the process that builds: only root may choose others',
  seccomp: 'the filter is the one of s2oci, or unconfined',
};

/**
 * Reads `seccomp=unconfined` and `no-new-privileges`, which is always so.
 *
 * @throws BuildError `USAGE_INVALID` with the reason why an option is not possible
 */
export function securityFrom(options: OptionValues): Pick<SandboxRequest, 'seccomp'> {
  let seccomp: 'unconfined' | undefined;
  for (const text of listOption(options, 'securityOpt')) {
    if (/^seccomp[=:]unconfined$/.test(text)) seccomp = 'unconfined';
    else if (!/^no-new-privileges(?:[=:]true)?$/.test(text)) throw refused(text);
  }
  return seccomp === undefined ? {} : { seccomp };
}

function refused(text: string): BuildError {
  const [name = ''] = text.split(/[=:]/);
  const reason = Object.hasOwn(reasons, name) ? reasons[name] : 'there is no such option';
  return new BuildError('USAGE_INVALID', `--security-opt ${JSON.stringify(text)}: ${reason}`, {
    suggestion: 'possible are seccomp=unconfined and no-new-privileges',
  });
}
