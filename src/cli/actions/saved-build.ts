/** `--use-config`: reads what the last build in this directory was started with, and keeps what this one is. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from '../../errors/index.ts';
import { writeReportFile } from '../../pipeline/index.ts';
import {
  formatSavedBuild,
  parseSavedBuild,
  savedBuildMode,
  savedBuildNames,
} from '../../s2i/index.ts';
import {
  flagOption,
  type Invocation,
  listOption,
  type OptionSpec,
  type OptionValues,
} from '../command.ts';

/** A build whose arguments are complete, and what the user should know about them. */
export interface CompletedInvocation {
  readonly invocation: Invocation;
  readonly notices: readonly string[];
}

const argumentCount = 3;
/** Neither belongs to a later build. */
const neverSaved = ['useConfig', 'color'];

/**
 * Fills in what was left out from `.s2ifile`, where that is asked for, and writes what will be built to it.
 *
 * @throws BuildError `USAGE_INVALID` when arguments are missing, `CONFIG_INVALID` for a file that cannot be read
 */
export async function completeInvocation(
  typed: Invocation,
  specs: readonly OptionSpec[],
): Promise<CompletedInvocation> {
  const usesConfig = flagOption(typed.options, 'useConfig');
  const invocation = usesConfig && typed.args.length === 0 ? await restore(typed, specs) : typed;
  if (invocation.args.length < argumentCount || invocation.args.includes('')) {
    throw new BuildError('USAGE_INVALID', 'a build needs a source, a builder image and a tag', {
      suggestion: 's2oci build SOURCE BUILDER TAG; with --use-config, those of the last build',
    });
  }
  const notices = usesConfig ? await save(invocation, specs) : [];
  return { invocation, notices };
}

async function restore(typed: Invocation, specs: readonly OptionSpec[]): Promise<Invocation> {
  for (const name of savedBuildNames) {
    const text = await readFile(join(typed.io.cwd, name), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const { source, builderImage, tag, flags, env } = parseSavedBuild(text, name);
    const saved = Object.fromEntries(
      specs.flatMap((spec) => {
        const values = flags[longName(spec)];
        return values === undefined ? [] : [[keyOf(spec), optionValue(spec, values)] as const];
      }),
    );
    return {
      ...typed,
      args: [source, builderImage, tag],
      options: { ...typed.options, env, ...saved, ...given(typed.options, specs) },
    };
  }
  return typed;
}

async function save(
  invocation: Invocation,
  specs: readonly OptionSpec[],
): Promise<readonly string[]> {
  const { args, options, io } = invocation;
  const [source = '', builderImage = '', tag = ''] = args;
  const explicit = given(options, specs);
  const flags = Object.fromEntries(
    specs.flatMap((spec) => {
      const value = explicit[keyOf(spec)];
      if (value === undefined || keyOf(spec) === 'env') return [];
      return [[longName(spec), Array.isArray(value) ? value : [String(value)]] as const];
    }),
  );
  const env = listOption(options, 'env');
  const { text, omitted } = formatSavedBuild({
    source,
    builderImage,
    tag,
    flags,
    env,
    omitted: [],
  });
  const path = join(io.cwd, savedBuildNames[0]);
  await writeReportFile(path, text, { mode: savedBuildMode });
  return omitted.length === 0
    ? []
    : [`${savedBuildNames[0]} leaves out what looks like a secret: ${omitted.join(', ')}`];
}

/** Options that were typed: neither presets nor about this one command. */
function given(options: OptionValues, specs: readonly OptionSpec[]): OptionValues {
  return Object.fromEntries(
    specs
      .filter((spec) => !neverSaved.includes(keyOf(spec)))
      .map((spec) => [keyOf(spec), options[keyOf(spec)], spec.defaultValue] as const)
      .filter(([, value, preset]) => value !== undefined && value !== preset)
      .map(([key, value]) => [key, value]),
  );
}

function optionValue({ flags, repeatable }: OptionSpec, values: readonly string[]) {
  if (repeatable === true) return values;
  return /[<[]/.test(flags) ? values[0] : values[0] === 'true';
}

function longName({ flags }: OptionSpec): string {
  return (/--(?:no-)?([a-z-]+)/.exec(flags)?.[1] ?? '').trim();
}

function keyOf(spec: OptionSpec): string {
  return longName(spec).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
