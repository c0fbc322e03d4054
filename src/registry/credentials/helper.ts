/**
 * Credential helpers: programs `docker-credential-NAME` with the verbs get, store and erase.
 *
 * Run without a shell, with a time limit and an output limit. They are told a server address and nothing
 * else; secrets go through standard input only.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { BuildError } from '../../errors/index.ts';
import { displayText } from '../../model/index.ts';
import type { Credential } from './types.ts';

/** How helpers are run. */
export interface HelperSettings {
  readonly helperEnvironment: Readonly<Record<string, string | undefined>>;
  readonly helperTimeoutMs: number;
}

const maxOutput = 1024 * 1024;
const nothingFound = [
  'credentials not found in native keychain',
  'no credentials server URL',
  'no credentials username',
];

/**
 * Asks a helper for the credential of a server; undefined when it has none.
 *
 * @throws BuildError `CREDENTIALS_INVALID`
 */
export async function helperGet(
  helper: string,
  server: string,
  settings: HelperSettings,
): Promise<Credential | undefined> {
  const { code, output } = await runHelper(helper, 'get', server, settings);
  if (code !== 0) {
    if (nothingFound.some((text) => output.includes(text))) return undefined;
    throw failed(helper, `it ended with code ${code}: ${excerpt(output)}`);
  }
  const { Username: username, Secret: secret } = parseAnswer(output, helper);
  if (typeof username !== 'string' || typeof secret !== 'string') {
    throw failed(helper, 'its answer has no user name and secret');
  }
  if (secret === '') return undefined;
  const origin = `docker-credential-${helper}`;
  return username === '<token>'
    ? { kind: 'identity', token: secret, origin }
    : { kind: 'basic', username, password: secret, origin };
}

/** Gives a helper a credential to keep. */
export async function helperStore(
  helper: string,
  login: { readonly server: string; readonly username: string; readonly secret: string },
  settings: HelperSettings,
): Promise<void> {
  const { server, username, secret } = login;
  const input = JSON.stringify({ ServerURL: server, Username: username, Secret: secret });
  const { code, output } = await runHelper(helper, 'store', input, settings);
  if (code !== 0) throw failed(helper, `it ended with code ${code}: ${excerpt(output)}`);
}

/** Makes a helper forget a credential; returns whether it had one. */
export async function helperErase(
  helper: string,
  server: string,
  settings: HelperSettings,
): Promise<boolean> {
  if ((await helperGet(helper, server, settings)) === undefined) return false;
  const { code, output } = await runHelper(helper, 'erase', server, settings);
  if (code !== 0) throw failed(helper, `it ended with code ${code}: ${excerpt(output)}`);
  return true;
}

interface HelperResult {
  readonly code: number;
  readonly output: string;
}

function runHelper(
  helper: string,
  verb: 'get' | 'store' | 'erase',
  input: string,
  settings: HelperSettings,
): Promise<HelperResult> {
  if (!/^[A-Za-z0-9_.-]+$/.test(helper)) {
    throw failed(helper, 'its name has characters that a program name may not have');
  }
  const child = spawn(`docker-credential-${helper}`, [verb], {
    env: { ...settings.helperEnvironment },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return collect(child, helper, settings.helperTimeoutMs);
}

function collect(child: ChildProcess, helper: string, timeoutMs: number): Promise<HelperResult> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (error: BuildError | undefined, code = 0): void => {
      clearTimeout(timer);
      child.stdout?.destroy();
      if (error === undefined) resolve({ code, output: Buffer.concat(chunks).toString('utf8') });
      else reject(error);
    };
    const giveUp = (why: string): void => {
      child.kill('SIGKILL');
      settle(failed(helper, why));
    };
    const timer = setTimeout(() => giveUp(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
    child.stdout?.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxOutput) giveUp(`it wrote more than ${maxOutput} bytes`);
      else chunks.push(chunk);
    });
    child.once('error', (error: NodeJS.ErrnoException) =>
      settle(failed(helper, error.code === 'ENOENT' ? 'there is no such program' : error.message)),
    );
    child.once('close', (code) => settle(undefined, code ?? 1));
  });
}

function parseAnswer(output: string, helper: string): { Username?: unknown; Secret?: unknown } {
  try {
    return (JSON.parse(output) as object | null) ?? {};
  } catch {
    throw failed(helper, 'its answer is not JSON');
  }
}

function excerpt(output: string): string {
  return displayText(output.trim().slice(0, 200));
}

function failed(helper: string, why: string): BuildError {
  return new BuildError(
    'CREDENTIALS_INVALID',
    `the credential helper docker-credential-${displayText(helper)} failed: ${why}`,
    { suggestion: 'repair the helper, or remove it from credHelpers or credsStore' },
  );
}
