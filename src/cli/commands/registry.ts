/** `s2oci registry serve`: the embedded registry, for demos, tests and CI caches. */

import { once } from 'node:events';
import { resolve } from 'node:path';
import { BuildError } from '../../errors/index.ts';
import { startRegistry } from '../../server/index.ts';
import { type CommandSpec, flagOption, type Invocation, textOption } from '../command.ts';
import { createCommandRenderer, reportOptions } from '../reporting.ts';
import { loadSettings } from '../wiring.ts';

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
        ...reportOptions,
      ],
      examples: ['s2oci registry serve --port 5000 ./registry'],
      run: serve,
    },
  ],
};

async function serve(invocation: Invocation): Promise<number> {
  const { args, options, io } = invocation;
  const port = Number(textOption(options, 'port'));
  if (!Number.isSafeInteger(port) || port < 0 || port > 65_535) {
    throw new BuildError('USAGE_INVALID', `not a port: ${JSON.stringify(options['port'])}`);
  }
  await using registry = await startRegistry({
    directory: resolve(io.cwd, args[0] ?? 'registry'),
    host: textOption(options, 'host') ?? '127.0.0.1',
    port,
    readOnly: flagOption(options, 'readOnly'),
    durable: true,
    reporter: createCommandRenderer(await loadSettings(invocation), io),
  });
  io.stdout.write(`${registry.host}\n`);
  if (!io.signal.aborted) await once(io.signal, 'abort');
  return 0;
}
