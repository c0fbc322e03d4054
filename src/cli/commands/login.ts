/** `s2oci login` and `s2oci logout`: keeping and forgetting credentials of registries. */

import type { CommandSpec } from '../command.ts';
import { registryOptions } from './build-options.ts';

const registryArgument = {
  name: '<registry>',
  description: 'host or host:port; host/path is a login for what is below the path only',
};

/** Keeps a login after the registry has taken it. */
export const loginCommand: CommandSpec = {
  name: 'login',
  summary: 'log in to a registry',
  description:
    'Logs in to a registry: the user name and password are tried there, and kept when they are right. They go to the credential helper that is configured for the registry, else to the file that knows the registry already, else to config.json of Docker. The password comes from standard input or is asked for without echo.',
  arguments: [registryArgument],
  options: [
    { flags: '-u, --username <name>', description: 'user name; asked for when it is not given' },
    { flags: '--password-stdin', description: 'read the password from standard input' },
    ...registryOptions,
  ],
  examples: [
    's2oci login registry.example.com',
    's2oci login registry.example.com -u ci --password-stdin < token-file',
    's2oci login registry.example.com/team -u team-ci --password-stdin < token-file',
  ],
  run: async (invocation) => (await import('../actions/login.ts')).login(invocation),
};

/** Forgets a login. */
export const logoutCommand: CommandSpec = {
  name: 'logout',
  summary: 'forget the login of a registry',
  description:
    'Forgets the login of a registry in all places where it is kept: credential helpers, and the files of Docker and the containers tools.',
  arguments: [registryArgument],
  options: registryOptions.filter(({ flags }) => flags.startsWith('--authfile')),
  examples: ['s2oci logout registry.example.com'],
  run: async (invocation) => (await import('../actions/login.ts')).logout(invocation),
};
