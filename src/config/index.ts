/** Settings of the user: defaults, config file, environment and flags, merged with the origin of each value. */

export { loadConfig } from './load.ts';
export { type Config, type ConfigLayers, type Flags, mergeConfig, type Origin } from './merge.ts';
export { configFilePath, dataDirectory, type Environment, type Places } from './places.ts';
export {
  environmentName,
  type Setting,
  type SettingName,
  type Settings,
  settingNames,
  settings,
} from './settings.ts';
