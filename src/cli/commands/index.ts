/** The table of all commands: what the parser, the help, the completions and the docs are made of. */

import type { CommandSpec } from '../command.ts';
import { assembleCommand } from './assemble.ts';
import { buildCommand } from './build.ts';
import { builderCommand } from './builder.ts';
import { completionCommand } from './completion.ts';
import { copyCommand } from './copy.ts';
import { createCommand } from './create.ts';
import { deleteCommand } from './delete.ts';
import { doctorCommand } from './doctor.ts';
import { generateCommand } from './generate.ts';
import { inspectCommand } from './inspect.ts';
import { loginCommand, logoutCommand } from './login.ts';
import { pushCommand } from './push.ts';
import { rebuildCommand } from './rebuild.ts';
import { attachCommand, referrersCommand } from './referrers.ts';
import { registryCommand } from './registry.ts';
import { runCommand, usageCommand } from './run.ts';
import { withDaemonFlags } from './s2i-flags.ts';
import { storeCommand } from './store.ts';
import { tagCommand, tagsCommand } from './tags.ts';
import { versionCommand } from './version.ts';

/** All commands, in the order in which help lists them. */
export const commands: readonly CommandSpec[] = [
  buildCommand,
  assembleCommand,
  rebuildCommand,
  withDaemonFlags(createCommand),
  builderCommand,
  generateCommand,
  runCommand,
  usageCommand,
  inspectCommand,
  copyCommand,
  pushCommand,
  loginCommand,
  logoutCommand,
  tagCommand,
  tagsCommand,
  deleteCommand,
  attachCommand,
  referrersCommand,
  doctorCommand,
  registryCommand,
  storeCommand,
  withDaemonFlags(completionCommand(() => commands)),
  withDaemonFlags(versionCommand),
];
