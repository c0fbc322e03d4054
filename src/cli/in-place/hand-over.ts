/**
 * Takes credentials out of the environment of this process.
 *
 * /proc/PID/environ shows what a process was started with to everybody with the same id, whatever it
 * does afterwards. So the process is replaced by itself, with an environment of harmless names; the rest
 * comes to it through a pipe, and from then on is in its memory only.
 */

import { closeSync, readFileSync } from 'node:fs';
import { BuildError } from '../../errors/index.ts';
import type { CommandIo } from '../command.ts';

/** Everything the user's environment says. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Says that the rest of the environment waits on the descriptor. */
const marker = '_S2OCI_HANDED_OVER';
const payload = '_S2OCI_HAND_OVER';
const descriptor = 3;

/** The shell puts the payload into a pipe, forgets it, and becomes this program again. */
const script = `
exec ${descriptor}<<END
$${payload}
END
unset ${payload}
exec "$@"
`;

const harmlessNames = new Set([
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'PWD', 'HOSTNAME', 'LANG', 'TZ', 'TMPDIR'],
  ...['TERM', 'COLORTERM', 'COLUMNS', 'LINES', 'NO_COLOR', 'FORCE_COLOR', 'CI'],
  ...['GITHUB_ACTIONS', 'GITLAB_CI', 'KUBERNETES_SERVICE_HOST', 'SOURCE_DATE_EPOCH'],
  ...[
    'NODE_EXTRA_CA_CERTS',
    'NODE_COMPILE_CACHE',
    'SSL_CERT_FILE',
    'SSL_CERT_DIR',
    'GIT_SSL_CAINFO',
  ],
]);
const harmlessPattern = /^(?:LC_[A-Z]+|XDG_[A-Z_]+|S2OCI_[A-Z_]+|(?:http|https|all|no)_proxy)$/i;

/** What of an environment assemble may see: names of places and settings, nothing that opens anything. */
export function harmless(env: Environment): Readonly<Record<string, string>> {
  const entries = Object.entries(env).filter(
    ([name, value]) =>
      value !== undefined && (harmlessNames.has(name) || harmlessPattern.test(name)),
  );
  return Object.fromEntries(entries) as Record<string, string>;
}

/**
 * Returns the whole environment of the user once this process does not show it any more. The first call
 * does not return: it starts the process anew.
 */
export function concealEnvironment(io: CommandIo): Environment {
  const { [marker]: handedOver, ...shown } = io.env;
  if (handedOver !== undefined) return { ...shown, ...receive() };
  const plain = harmless(shown);
  const hidden = Object.fromEntries(Object.entries(shown).filter(([name]) => !(name in plain)));
  const bytes = Buffer.from(JSON.stringify(hidden)).toString('base64');
  const env = { ...plain, [marker]: '1', [payload]: bytes };
  io.replaceProcess('/bin/sh', ['sh', '-c', script, 'sh', ...io.self, ...io.argv], env);
  throw new BuildError('INTERNAL', 'this process could not be started anew');
}

/** Tells that this process was started anew by {@link concealEnvironment}: it is decided how to build. */
export function isStartedAnew({ env }: CommandIo): boolean {
  return env[marker] !== undefined;
}

function receive(): Environment {
  const text = readFileSync(descriptor, 'utf8');
  closeSync(descriptor);
  return JSON.parse(Buffer.from(text, 'base64').toString('utf8')) as Environment;
}
