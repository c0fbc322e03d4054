/**
 * The embedded registry as a running server: listens, limits what clients may do to it, sweeps what they
 * left behind, and closes without leaving a connection.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { BuildError } from '../errors/index.ts';
import type { Reporter } from '../events/index.ts';
import { readGatekeeper, readTls, type TlsFiles } from './auth/index.ts';
import { type DispatchDependencies, dispatch } from './dispatch.ts';
import type { RegistryState } from './exchange.ts';
import { KeyedLock } from './keyed-lock.ts';
import { defaultLimits, type RegistryLimits } from './limits.ts';
import { sendReply } from './send.ts';
import { type RegistryStats, Traffic } from './stats.ts';
import { openStorage } from './storage/index.ts';

/** How a registry is started. */
export interface RegistryOptions {
  /** Where it keeps everything; created when absent. */
  readonly directory: string;
  /** The address to listen on; loopback unless told otherwise. */
  readonly host?: string;
  /** 0, the default, takes a free port. */
  readonly port?: number;
  /** Refuses everything but GET and HEAD, and writes nothing. */
  readonly readOnly?: boolean;
  /** A password file (`htpasswd -5`) with the users who may come in; without it everybody may. */
  readonly htpasswd?: string;
  /** PEM files of a certificate with its chain and of its key; with them HTTPS is served, and nothing else. */
  readonly tls?: TlsFiles;
  /** Waits for the disk on each write, so that power failures lose nothing that was acknowledged. */
  readonly durable?: boolean;
  readonly limits?: Partial<RegistryLimits>;
  readonly reporter: Reporter;
  /** The clock, in milliseconds since the epoch. */
  readonly now?: () => number;
}

/** A running registry. */
export interface RunningRegistry extends AsyncDisposable {
  /** Host and port as references write them, such as `127.0.0.1:5000`. */
  readonly host: string;
  /** Stops listening, cuts connections that are still open, and waits until nothing is written any more. */
  close(): Promise<void>;
  /** Counts what was served so far. */
  stats(): RegistryStats;
}

const sweepInterval = 3_600_000;

/**
 * Starts a registry over a directory.
 *
 * @throws BuildError `USAGE_INVALID` when it cannot listen there, `CONFIG_INVALID` for a password or certificate
 * file that cannot be used, `STORE_FORMAT_UNSUPPORTED`
 */
export async function startRegistry(options: RegistryOptions): Promise<RunningRegistry> {
  const { host = '127.0.0.1', port = 0, readOnly = false, durable = false } = options;
  const now = options.now ?? Date.now;
  const limits = { ...defaultLimits, ...options.limits };
  const gatekeeper = await readGatekeeper(options.htpasswd);
  const tls = await readTls(options.tls);
  const storage = await openStorage({ directory: options.directory, readOnly, durable });
  const registry = { storage, limits, traffic: new Traffic(), locks: new KeyedLock() };
  const active = new Set<Promise<void>>();
  const deps = { registry, readOnly, gatekeeper };
  const server = createLimitedServer({ limits, tls }, (request, response) => {
    const answered = answer(deps, { request, response }, options.reporter, now);
    active.add(answered);
    void answered.finally(() => active.delete(answered));
  });
  const address = await listen(server, host, port);
  const sweep = () => storage.expire(now() - limits.uploadExpiry);
  const stopSweeping = readOnly ? () => {} : await keepSweeping(sweep, options.reporter, now);
  const close = async () => {
    stopSweeping();
    await shutDown(server);
    await Promise.all(active);
  };
  return { host: address, close, stats: statsOf(registry), [Symbol.asyncDispose]: close };
}

function statsOf(registry: RegistryState): () => RegistryStats {
  return () => registry.traffic.snapshot();
}

function createLimitedServer(
  {
    limits,
    tls,
  }: { readonly limits: RegistryLimits; readonly tls: SecureContextOptions | undefined },
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const options = {
    headersTimeout: limits.headersTimeout,
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.idleTimeout,
    connectionsCheckingInterval: Math.min(limits.headersTimeout / 2, 5_000),
  };
  const server =
    tls === undefined
      ? createServer(options, onRequest)
      : createTlsServer({ ...options, ...tls }, onRequest);
  server.maxConnections = limits.connections;
  server.timeout = limits.idleTimeout;
  return server;
}

interface Conversation {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Answers one request to its end; a connection that breaks is no failure of ours. */
async function answer(
  deps: DispatchDependencies,
  { request, response }: Conversation,
  reporter: Reporter,
  now: () => number,
): Promise<void> {
  const started = now();
  const { reply, failure } = await dispatch(deps, request);
  const line = `${request.method} ${request.url} ${reply.status} ${now() - started} ms`;
  if (failure !== undefined && !request.socket.destroyed) {
    reporter.emit({ type: 'log', level: 'warning', message: `${line}: ${failure}`, time: now() });
  } else {
    reporter.emit({ type: 'log', level: 'debug', message: line, time: now() });
  }
  try {
    await sendReply(reply, request, response, deps.registry.traffic);
  } catch {
    response.destroy();
  }
}

async function listen(server: Server, host: string, port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(port, host, resolve);
  try {
    await promise;
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new BuildError('USAGE_INVALID', `the registry cannot listen: ${reason}`, {
      cause,
      origin: 'local',
      suggestion: 'choose another port, or port 0 for a free one',
    });
  }
  const { address, family, port: actual } = server.address() as AddressInfo;
  return family === 'IPv6' ? `[${address}]:${actual}` : `${address}:${actual}`;
}

/** Sweeps now and every hour; returns how to stop. */
async function keepSweeping(
  sweep: () => Promise<void>,
  reporter: Reporter,
  now: () => number,
): Promise<() => void> {
  const sweepAndTell = async () => {
    try {
      await sweep();
    } catch (error) {
      const message = `registry: abandoned uploads could not be removed: ${(error as Error).message}`;
      reporter.emit({ type: 'log', level: 'warning', message, time: now() });
    }
  };
  await sweepAndTell();
  const timer = setInterval(() => void sweepAndTell(), sweepInterval);
  timer.unref();
  return () => clearInterval(timer);
}

async function shutDown(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}
