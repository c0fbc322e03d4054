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
  const host = textOption(options, 'host') ?? '127.0.0.1';
  const port = Number(textOption(options, 'port'));
  if (!Number.isSafeInteger(port) || port < 0 || port > 65_535) {
    throw new BuildError('USAGE_INVALID', `not a port: ${JSON.stringify(options['port'])}`);
  }
  const tls = tlsFiles(invocation);
  const htpasswd = textOption(options, 'htpasswd');
  const reporter = createCommandRenderer(await loadSettings(invocation), io);
  if (htpasswd !== undefined && tls === undefined && !isLoopback(host)) {
    const message = 'passwords cross the network unencrypted; give --tls-cert and --tls-key';
    reporter.emit({ type: 'log', level: 'warning', message, time: Date.now() });
  }
  await using registry = await startRegistry({
    directory: resolve(io.cwd, args[0] ?? 'registry'),
    host,
    port,
    ...(htpasswd === undefined ? {} : { htpasswd: resolve(io.cwd, htpasswd) }),
    ...(tls === undefined ? {} : { tls }),
    readOnly: flagOption(options, 'readOnly'),
    durable: true,
    reporter,
  });
  io.stdout.write(`${registry.host}\n`);
  if (!io.signal.aborted) await once(io.signal, 'abort');
  return 0;
}

/** @throws BuildError `USAGE_INVALID` for one without the other */
function tlsFiles({ options, io }: Invocation) {
  const [cert, key] = ['tlsCert', 'tlsKey'].map((name) => textOption(options, name));
  if (cert === undefined && key === undefined) return undefined;
  if (cert !== undefined && key !== undefined)
    return { cert: resolve(io.cwd, cert), key: resolve(io.cwd, key) };
  throw new BuildError('USAGE_INVALID', 'a certificate and its key come together', {
    suggestion: 'give both --tls-cert and --tls-key',
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
