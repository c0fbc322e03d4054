/** `s2oci registry serve`: the embedded registry, for demos, tests and CI caches. */

import type { CommandSpec } from '../command.ts';
import { reportOptions } from './build-options.ts';

/** Commands about registries. */
export const registryCommand: CommandSpec = {
  name: 'registry',
  summary: 'serve an OCI registry from a directory',
  subcommands: [
    {
      name: 'serve',
      summary: 'serve a registry until stopped',
      description:
        'Serves a conforming OCI registry over a directory, on loopback unless told otherwise. Prints its address as the only line on standard output, then serves until it is stopped.',
      arguments: [
        { name: '[directory]', description: 'where images are kept (default: ./registry)' },
      ],
      options: [
        {
          flags: '--host <address>',
          description: 'address to listen on',
          defaultValue: '127.0.0.1',
        },
        {
          flags: '--port <port>',
          description: 'port to listen on; 0 takes a free one',
          defaultValue: '5000',
        },
        { flags: '--read-only', description: 'serve what is there and refuse changes' },
        {
          flags: '--htpasswd <file>',
          description: 'let in only the users of this file; write it with htpasswd -5',
        },
        { flags: '--tls-cert <file>', description: 'serve HTTPS with this certificate (PEM)' },
        { flags: '--tls-key <file>', description: 'the key of that certificate (PEM)' },
        ...reportOptions,
      ],
      examples: [
        's2oci registry serve --port 5000 ./registry',
        's2oci registry serve --host 0.0.0.0 --htpasswd users --tls-cert cert.pem --tls-key key.pem',
      ],
      run: async (invocation) => (await import('../actions/registry.ts')).serve(invocation),
    },
  ],
};
