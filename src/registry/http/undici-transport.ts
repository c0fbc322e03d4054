/**
 * The production transport: undici over HTTP/1.1.
 *
 * One agent per TLS profile, proxy and reach, so that connections are shared only where all three agree.
 * HTTP/2 stays off: it is slower for large bodies. Time limits are ours, except for connecting. Undici is
 * loaded with the first request: it is a third of what a command would load that needs no network.
 */

import { lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import type Undici from 'undici';
import type { Dispatcher } from 'undici';
import { endedWhenTaken, lendChunk, lentSize } from '../../blob/index.ts';
import { isLoopbackHost, isWithinReach, kindOfAddress, type Reach } from './address.ts';
import { withBaselineParser } from './baseline-parser.ts';
import { dispatch } from './dispatch.ts';
import { largeReads } from './large-reads.ts';
import { addressRefusedCode } from './network-error.ts';
import { type ProxySettings, proxyFor } from './proxy.ts';
import { maySpeakTls } from './speaks-tls.ts';
import { TlsProfiles, type TlsSettings } from './tls.ts';
import type { HttpRequest, HttpResponse, Transport } from './types.ts';

/** What the transport has to know. */
export interface UndiciTransportSettings extends TlsSettings {
  readonly proxy: ProxySettings;
  readonly connectMs: number;
  /** See `RegistrySettings`. Default: false. */
  readonly ownProcess?: boolean;
}

/** A transport that holds connections. */
export interface ClosableTransport {
  readonly send: Transport;
  /** Closes all connections at once. */
  close(): Promise<void>;
}

/** The most header bytes of a response; some registries put kilobytes into `Location`. */
const maxHeaderSize = 64 * 1024;

/** Bytes that a socket of undici takes without waiting until they are sent. */
const socketBuffer = 64 * 1024;

/** Whichever address of a host answers first. */
const family = { autoSelectFamily: true };

/** Makes the production transport. */
export function undiciTransport(settings: UndiciTransportSettings): ClosableTransport {
  const agents = new Map<string, Promise<Dispatcher>>();
  const profiles = new TlsProfiles(settings);
  const { connectMs, ownProcess = false } = settings;
  const newMemory = ownProcess ? lendChunk : () => Buffer.allocUnsafeSlow(lentSize);
  const agentFor = (url: URL, reach: Reach): Promise<Dispatcher> => {
    const proxy = proxyFor(url, settings.proxy);
    const key = JSON.stringify([url.protocol === 'https:' ? url.host : '', reach, proxy]);
    const known = agents.get(key);
    if (known !== undefined) return known;
    const agent = makeAgent({ url, reach, proxy, profiles, connectMs, newMemory });
    agents.set(key, agent);
    agent.catch(() => agents.delete(key));
    return agent;
  };
  return {
    send: async (request) => {
      checkAddress(request.url, request.reach);
      const dispatcher = await agentFor(request.url, request.reach);
      const send = () => sendThrough(dispatcher, request);
      return ownProcess ? withBaselineParser(send) : send();
    },
    close: async () => {
      const made = await Promise.allSettled(agents.values());
      agents.clear();
      await Promise.all(
        made.map((agent) => (agent.status === 'fulfilled' ? agent.value.destroy() : undefined)),
      );
    },
  };
}

interface AgentInput {
  readonly url: URL;
  readonly reach: Reach;
  readonly proxy: string | undefined;
  readonly profiles: TlsProfiles;
  readonly connectMs: number;
  readonly newMemory: () => Buffer;
}

async function makeAgent(input: AgentInput): Promise<Dispatcher> {
  const { url, reach, proxy, profiles, connectMs, newMemory } = input;
  const common = {
    allowH2: false,
    maxHeaderSize,
    headersTimeout: 0,
    bodyTimeout: 0,
    pipelining: 1,
    ...family,
  };
  if (proxy === undefined) await refusePlainServer(url);
  // By its default export, which is all that a bundle knows of a package of the older module format.
  const { default: undici } = await import('undici');
  const tls = url.protocol === 'https:' ? await tlsOptions(url.host, profiles) : {};
  if (proxy !== undefined) {
    const { protocol, host } = new URL(proxy);
    const proxyTls = protocol === 'https:' ? await tlsOptions(host, profiles) : {};
    return new undici.ProxyAgent({
      ...common,
      uri: proxy,
      requestTls: { ...tls, timeout: connectMs },
      proxyTls: { ...proxyTls, timeout: connectMs },
    });
  }
  const check = reach === 'any' ? {} : { lookup: checkedLookup(reach) };
  const options = { ...tls, ...check, ...family, allowH2: false, timeout: connectMs };
  const connect = largeReadsConnector(undici, options, newMemory);
  return new undici.Agent({ ...common, connect });
}

/** Connects with large reads. What comes through the tunnel of a proxy is read as Node does. */
function largeReadsConnector(
  { buildConnector }: typeof Undici,
  options: Undici.buildConnector.BuildOptions,
  newMemory: () => Buffer,
): Undici.buildConnector.connector {
  let session: Buffer | undefined;
  return (target, callback) => {
    const onread = largeReads(() => socket, newMemory);
    // A connector of each connection's own, which remembers no session for the next.
    const connect = buildConnector({ ...options, onread, ...(session && { session }) });
    // It returns the socket, of which its types say nothing.
    const socket = connect(target, callback) as unknown as Socket;
    socket.on('session', (given: Buffer) => {
      session = given;
    });
  };
}

/** Fails as OpenSSL would, but sooner. */
async function refusePlainServer({ protocol, hostname, port }: URL): Promise<void> {
  if (protocol !== 'https:' || !isLoopbackHost(hostname)) return;
  const host = hostname.replace(/^\[|\]$/g, '');
  if (await maySpeakTls(host, Number(port || 443))) return;
  throw Object.assign(new Error('the server does not speak TLS'), {
    code: 'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  });
}

async function tlsOptions(host: string, profiles: TlsProfiles): Promise<object> {
  const { context, verify } = await profiles.for(host);
  return { secureContext: context, rejectUnauthorized: verify };
}

/** Fails for an address out of reach that stands in the URL itself: such are not resolved, and a proxy would connect to them. */
function checkAddress({ hostname }: URL, reach: Reach): void {
  const isAddress = isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
  if (isAddress && !isWithinReach(kindOfAddress(hostname), reach))
    throw refused(`${hostname} is an address that others may not send us to`);
}

function refused(text: string): Error {
  return Object.assign(new Error(text), { code: addressRefusedCode });
}

/** Resolves names as usual and fails when any of the addresses is out of reach (DNS rebinding). */
function checkedLookup(reach: Reach): LookupFunction {
  return (hostname, options, callback) => {
    systemLookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, '', 0);
        return;
      }
      const bad = addresses.find(({ address }) => !isWithinReach(kindOfAddress(address), reach));
      const first = addresses[0];
      if (bad !== undefined || first === undefined) {
        const text = `${hostname} resolves to ${bad?.address}, where others may not send us to`;
        callback(refused(text), '', 0);
      } else if (options.all === true) {
        callback(null, addresses);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
}

async function sendThrough(dispatcher: Dispatcher, request: HttpRequest): Promise<HttpResponse> {
  const { method, url, headers, body, signal } = request;
  const sent = {
    origin: url.origin,
    path: url.pathname + url.search,
    method,
    headers,
    body: body instanceof Readable ? endedWhenSent(body) : (body ?? null),
  };
  const answer = await dispatch(dispatcher, sent, signal);
  const fields = Object.entries(answer.headers).map(
    ([name, value]) => [name, value === undefined ? [] : [value].flat()] as [string, string[]],
  );
  return { status: answer.status, headers: new Map(fields), body: answer.body, keepsNothing: true };
}

/** Gives back the memory of each chunk that has been sent: undici asks for the next when the socket has nothing left to write. */
function endedWhenSent(body: Readable): Readable {
  // Undici takes any iterable; its types do not say so.
  return endedWhenTaken(body, socketBuffer) as AsyncIterable<Uint8Array> as Readable;
}
