/** The options that say what scripts may use. */

import { BuildError } from '../../errors/index.ts';
import type { SandboxRequest } from '../../pipeline/index.ts';
import { type ProcessLimits, resourceNames } from '../../runtime/index.ts';
import { listOption, type OptionValues, textOption } from '../command.ts';
import { sizeOption } from './measures.ts';

/** What a script may say unless it is allowed more. */
const defaultOutputBytes = 64 * 1024 * 1024;

/** Under this a shell can hardly start. */
const leastMemory = 4 * 1024 * 1024;

/**
 * Reads the options of {@link processLimitsFrom} and `--log-limit`.
 *
 * @throws BuildError `USAGE_INVALID`
 */
export function limitsFrom(
  options: OptionValues,
): Pick<SandboxRequest, 'limits' | 'maxOutputBytes'> {
  return {
    limits: processLimitsFrom(options),
    maxOutputBytes: sizeOption(textOption(options, 'logLimit')) ?? defaultOutputBytes,
  };
}

/**
 * Reads `--memory`, `--cpus`, `--pids-limit` and `--ulimit`.
 *
 * @throws BuildError `USAGE_INVALID`
 */
export function processLimitsFrom(options: OptionValues): ProcessLimits {
  const resources = listOption(options, 'ulimit').map(parseResource);
  const memory = sizeOption(textOption(options, 'memory'));
  if (memory !== undefined && memory < leastMemory)
    throw new BuildError('USAGE_INVALID', '--memory must be at least 4M');
  const cpus = numberOption(options, 'cpus', /^\d{1,4}(?:\.\d{1,3})?$/);
  const processes = numberOption(options, 'pidsLimit', /^\d{1,7}$/);
  return {
    ...(memory === undefined ? {} : { memory }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(processes === undefined ? {} : { processes }),
    ...(resources.length === 0 ? {} : { resources }),
  };
}

function numberOption(options: OptionValues, name: string, pattern: RegExp): number | undefined {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  const value = pattern.test(text) ? Number(text) : 0;
  if (value > 0) return value;
  throw new BuildError('USAGE_INVALID', `not a number above 0: ${JSON.stringify(text)}`);
}

type Resource = NonNullable<ProcessLimits['resources']>[number];

function parseResource(text: string): Resource {
  const [, name = '', soft = '', hard = soft] =
    /^([a-z]{1,20})=(\d{1,15}|unlimited|-1)(?::(\d{1,15}|unlimited|-1))?$/.exec(text) ?? [];
  if (resourceNames.includes(name) && amount(soft) <= amount(hard))
    return { name, soft: amount(soft), hard: amount(hard) };
  throw new BuildError('USAGE_INVALID', `not name=soft[:hard]: ${JSON.stringify(text)}`, {
    suggestion: `the names are ${resourceNames.join(', ')}`,
  });
}

/** What is not limited gets the limit that this process has itself. */
function amount(text: string): number {
  return text === 'unlimited' || text === '-1' ? Number.MAX_SAFE_INTEGER : Number(text);
}
