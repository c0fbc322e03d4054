/**
 * Merges what defaults, config file, environment and flags say, the later winning, and remembers for each
 * value where it came from.
 */

import { BuildError, type ErrorCode, nearest } from '../errors/index.ts';
import type { Json, JsonObject } from '../model/index.ts';
import { type Environment, type Places, userHomeOf } from './places.ts';
import {
  environmentName,
  type Setting,
  type SettingName,
  type Settings,
  settingNames,
  settings,
} from './settings.ts';

/** Where a value came from; `name` is the variable, the flag or the path of the file. */
export interface Origin {
  readonly layer: 'default' | 'file' | 'environment' | 'flag';
  readonly name: string;
}

/** The settings in force. */
export interface Config {
  readonly values: Settings;
  readonly origins: Readonly<Record<SettingName, Origin>>;
  /** Things that are probably mistakes, one sentence each. */
  readonly warnings: readonly string[];
}

/** Values of flags by setting; others are ignored. `undefined` and absent mean that the flag was not given. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** What is merged. */
export interface ConfigLayers {
  readonly places: Places;
  readonly file?: {
    readonly path: string;
    readonly directory: string;
    readonly content: JsonObject;
  };
  readonly flags: Flags;
}

/** A value before it is read, and who says so. */
interface Found {
  readonly origin: Origin;
  readonly read: (setting: Setting<unknown>) => unknown;
  readonly shown: Json;
}

const defaultOrigin: Origin = { layer: 'default', name: 'default' };
const furtherVariables = ['S2OCI_CONFIG', 'S2OCI_DEBUG'];

/**
 * Merges the layers.
 *
 * @throws BuildError `CONFIG_INVALID` for file and environment, `USAGE_INVALID` for flags
 */
export function mergeConfig(layers: ConfigLayers): Config {
  rejectUnknownKeys(layers);
  const merged = settingNames.map((name) => [name, mergeOne(name, layers)] as const);
  return {
    values: Object.fromEntries(merged.map(([name, { value }]) => [name, value])) as Settings,
    origins: Object.fromEntries(
      merged.map(([name, { origin }]) => [name, origin]),
    ) as Config['origins'],
    warnings: unknownVariables(layers.places.env),
  };
}

function mergeOne(name: SettingName, layers: ConfigLayers): { value: unknown; origin: Origin } {
  const setting: Setting<unknown> = settings[name];
  const found = fromFlags(name, layers) ?? fromEnvironment(name, layers) ?? fromFile(name, layers);
  if (found === undefined) return { value: setting.fallback(layers.places), origin: defaultOrigin };
  const value = found.read(setting);
  if (value === undefined) throw invalid(name, setting, found);
  return { value, origin: found.origin };
}

/** Commander gives `color: true` when `--no-color` is absent, so true says nothing. */
function fromFlags(name: SettingName, { places, flags }: ConfigLayers): Found | undefined {
  const given = flags[name];
  const value =
    name === 'color' && typeof given === 'boolean' ? (given ? undefined : 'never') : given;
  if (value === undefined) return undefined;
  const base = { directory: places.cwd, userHome: userHomeOf(places) };
  return {
    origin: { layer: 'flag', name: `--${kebab(name)}` },
    shown: value,
    read: ({ kind }) =>
      typeof value === 'string' ? kind.fromText(value, base) : kind.fromJson(value, base),
  };
}

function fromEnvironment(name: SettingName, { places }: ConfigLayers): Found | undefined {
  const variable = environmentName(name);
  const value = places.env[variable];
  if (value === undefined || value === '') return fromConvention(name, places.env);
  const base = { directory: places.cwd, userHome: userHomeOf(places) };
  return {
    origin: { layer: 'environment', name: variable },
    shown: value,
    read: ({ kind }) => kind.fromText(value, base),
  };
}

function fromConvention(name: SettingName, env: Environment): Found | undefined {
  const setting: Setting<unknown> = settings[name];
  const found = Object.entries(setting.conventions ?? {}).find(([variable]) => env[variable]);
  if (found === undefined) return undefined;
  const [variable, meaning] = found;
  const value = env[variable] ?? '';
  return {
    origin: { layer: 'environment', name: variable },
    shown: value,
    read: () => meaning(value),
  };
}

function fromFile(name: SettingName, { file, places }: ConfigLayers): Found | undefined {
  const value = file?.content[name];
  if (file === undefined || value === undefined) return undefined;
  const base = { directory: file.directory, userHome: userHomeOf(places) };
  return {
    origin: { layer: 'file', name: file.path },
    shown: value,
    read: ({ kind }) => kind.fromJson(value, base),
  };
}

function invalid(
  name: SettingName,
  setting: Setting<unknown>,
  { origin, shown }: Found,
): BuildError {
  const code: ErrorCode = origin.layer === 'flag' ? 'USAGE_INVALID' : 'CONFIG_INVALID';
  const what = origin.layer === 'file' ? `${name} in ${origin.name}` : origin.name;
  const text = JSON.stringify(shown).slice(0, 200);
  return new BuildError(code, `invalid value of ${what}: ${text}: must be ${setting.kind.expects}`);
}

function rejectUnknownKeys({ file }: ConfigLayers): void {
  if (file === undefined) return;
  const unknown = Object.keys(file.content).find((key) => !Object.hasOwn(settings, key));
  if (unknown === undefined) return;
  const guess = nearest(unknown, settingNames);
  throw new BuildError(
    'CONFIG_INVALID',
    `unknown setting in config file ${file.path}: ${JSON.stringify(unknown)}`,
    {
      suggestion:
        guess === undefined ? `settings are ${settingNames.join(', ')}` : `write ${guess}`,
    },
  );
}

function unknownVariables(env: Environment): readonly string[] {
  const known = [...settingNames.map(environmentName), ...furtherVariables];
  const unknown = Object.keys(env).filter(
    (name) => name.startsWith('S2OCI_') && !name.startsWith('S2OCI_TEST_') && !known.includes(name),
  );
  return unknown.sort().map((name) => {
    const guess = nearest(name, known);
    const hint = guess === undefined ? '' : `; did you mean ${guess}?`;
    return `environment variable ${name} is not known${hint}`;
  });
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);
}
