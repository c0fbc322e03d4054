/**
 * Starts Debian's `docker-registry` (distribution 2.8) on a free loopback port for a test.
 *
 * The storage is a temporary directory unless one is given; `close()` ends the process by its pid and
 * removes what was made here. Plain HTTP and no authentication unless asked for.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { makeCertificate } from './certificate.ts';
import { startTokenServer, type TokenServer, type TokenServerOptions } from './token-server.ts';

const run = promisify(execFile);

/** What the registry is to be like. */
export interface DockerRegistryOptions {
  /** `basic`: htpasswd with user `alice`, password `pa:ss`. `token`: Bearer tokens from a token server. */
  readonly auth?: 'basic' | 'token';
  /** Serves HTTPS with a certificate for localhost and 127.0.0.1 that `caFile` vouches for. */
  readonly tls?: boolean;
  /** Whether manifests can be deleted; default true. */
  readonly deletion?: boolean;
  /** Keeps the content here and leaves it there on `close()`. */
  readonly dir?: string;
  /** How the token server behaves; only with `auth: 'token'`. */
  readonly tokens?: TokenServerOptions;
}

/** One request as the registry's access log tells it. */
export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

/** A running registry. */
export interface DockerRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`, the registry part of a reference. */
  readonly host: string;
  /** The base URL, without a slash at its end. */
  readonly url: string;
  /** The storage directory. */
  readonly dir: string;
  readonly pid: number;
  /** The certificate authority, with `tls`. */
  readonly caFile: string | undefined;
  /** The token server, with `auth: 'token'`. */
  readonly tokenServer: TokenServer | undefined;
  /** Requests answered so far, in order. The log runs a moment behind: see {@link settle}. */
  readonly requests: readonly LoggedRequest[];
  /** Waits until the access log holds everything answered before this call. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** User and password that `auth: 'basic'` and the token server accept. */
export const registryUser = { username: 'alice', password: 'pa:ss' } as const;

/** Starts a registry and waits until it answers. */
export async function startDockerRegistry(
  options: DockerRegistryOptions = {},
): Promise<DockerRegistry> {
  const work = await mkdtemp(join(tmpdir(), 's2oci-registry-'));
  const dir = options.dir ?? join(work, 'data');
  const tls = options.tls === true ? await makeCertificate(work, 'server') : undefined;
  const tokenServer =
    options.auth === 'token'
      ? await startTokenServer(await makeCertificate(work, 'token'), options.tokens)
      : undefined;
  const config = {
    version: '0.1',
    log: { level: 'info', formatter: 'text', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: dir }, delete: { enabled: options.deletion ?? true } },
    http: {
      addr: '127.0.0.1:0',
      secret: 'test',
      ...(tls === undefined ? {} : { tls: { certificate: tls.certFile, key: tls.keyFile } }),
    },
    ...(await authSection(options.auth, work, tokenServer)),
  };
  const file = join(work, 'config.yml');
  await writeFile(file, JSON.stringify(config));
  const child = spawn('docker-registry', ['serve', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  const requests: LoggedRequest[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const entry = parseAccess(line);
    if (entry !== undefined) requests.push(entry);
  });
  const port = await listeningPort(child);
  const host = `127.0.0.1:${port}`;
  const url = `${tls === undefined ? 'http' : 'https'}://${host}`;
  const close = async (): Promise<void> => {
    await tokenServer?.close();
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await rm(work, { recursive: true, force: true });
  };
  return {
    host,
    url,
    dir,
    pid: child.pid as number,
    caFile: tls?.caFile,
    tokenServer,
    requests,
    settle: () => settle(requests),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function authSection(
  auth: DockerRegistryOptions['auth'],
  work: string,
  tokenServer: TokenServer | undefined,
): Promise<object> {
  if (auth === 'basic') {
    const path = join(work, 'htpasswd');
    await run('htpasswd', ['-Bbc', path, registryUser.username, registryUser.password]);
    return { auth: { htpasswd: { realm: 'test', path } } };
  }
  if (tokenServer === undefined) return {};
  const { realm, service, issuer, certFile } = tokenServer;
  return { auth: { token: { realm, service, issuer, rootcertbundle: certFile } } };
}

/** Reads the port out of the start-up log, so that no free port has to be guessed. */
function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    const input = child.stderr as NodeJS.ReadableStream;
    createInterface({ input }).on('line', (line) => {
      const port = /listening on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (port !== undefined) resolve(Number(port));
      if (lines.length < 50) lines.push(line);
    });
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`docker-registry ended with ${code}:\n${lines.join('\n')}`)),
    );
  });
}

function parseAccess(line: string): LoggedRequest | undefined {
  const match = /"([A-Z]+) (\S+) HTTP\/[\d.]+" (\d{3})/.exec(line);
  if (match === null) return undefined;
  return { method: match[1] ?? '', path: match[2] ?? '', status: Number(match[3]) };
}

/** The log is written after each answer; it is complete once it has not grown for a while. */
async function settle(requests: readonly LoggedRequest[]): Promise<void> {
  for (let last = -1; last !== requests.length; ) {
    last = requests.length;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}
