/** `s2oci registry serve`: the embedded registry, for demos, tests and CI caches. */

import { once } from 'node:events';
import { resolve } from 'node:path';
import { BuildError } from '../../errors/index.ts';
import { startRegistry } from '../../server/index.ts';
import { flagOption, type Invocation, textOption } from '../command.ts';
import { createCommandRenderer } from '../reporting.ts';
import { loadSettings } from '../wiring.ts';

/** Serves until stopped. */
export async function serve(invocation: Invocation): Promise<number> {
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
