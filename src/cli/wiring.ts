/**
 * Composition root of the command line: makes the ports that the pipeline works through out of options,
 * environment and configuration.
 */

import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { type Config, loadConfig } from '../config/index.ts';
import type { Reporter } from '../events/index.ts';
import type { Store } from '../store/index.ts';
import type { Invocation } from './command.ts';

/** Merges flags, environment and config file into the settings in force. */
export function loadSettings({ io, options }: Invocation): Promise<Config> {
  const color = options['color'] === false ? 'never' : undefined;
  return loadConfig({ env: io.env, cwd: io.cwd, userHome: homedir() }, { ...options, color });
}

/** Opens the local store. Commands that need settings only do not load its code. */
export async function openLocalStore(config: Config, { io }: Invocation): Promise<Store> {
  const { openStore } = await import('../store/index.ts');
  return await openStore(resolve(io.cwd, config.values.home));
}

/** Tells the user about settings that are probably mistakes. */
export function reportConfigWarnings(config: Config, reporter: Reporter, now: number): void {
  for (const message of config.warnings)
    reporter.emit({ type: 'log', level: 'warning', message, time: now });
}
