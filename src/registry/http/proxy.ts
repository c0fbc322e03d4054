/**
 * Which proxy a request goes through, by the usual environment variables given as values.
 *
 * `no` knows names, `.suffixes`, `*`, ports, addresses and CIDR blocks, as Go's tools do. Loopback
 * hosts never go through a proxy.
 */

import { BlockList, isIP } from 'node:net';
import { isLoopbackHost } from './address.ts';

/** The values of `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, lower or upper case. */
export interface ProxySettings {
  readonly http?: string;
  readonly https?: string;
  readonly all?: string;
  readonly no?: string;
}

/** Returns the proxy for a URL, or undefined for a direct connection. */
export function proxyFor(url: URL, settings: ProxySettings): string | undefined {
  const proxy = (url.protocol === 'https:' ? settings.https : settings.http) || settings.all;
  if (proxy === undefined || proxy === '' || isLoopbackHost(url.hostname)) return undefined;
  return isExcluded(url, settings.no ?? '') ? undefined : withScheme(proxy);
}

function withScheme(proxy: string): string {
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

function isExcluded(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => matches(entry.toLowerCase(), host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return isInBlock(entry, host);
  const { name, port: wantedPort } = splitPort(entry);
  if (wantedPort !== undefined && wantedPort !== port) return false;
  if (isIP(host) !== 0) return name === host;
  const suffix = name.replace(/^\*?\./, '');
  return host === suffix || host.endsWith(`.${suffix}`);
}

function splitPort(entry: string): { name: string; port: string | undefined } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(entry);
  if (match !== null) return { name: match[1] ?? match[2] ?? '', port: match[3] };
  return { name: entry.replace(/^\[|\]$/g, ''), port: undefined };
}

function isInBlock(entry: string, host: string): boolean {
  const [net = '', bits = ''] = entry.split('/');
  const family = isIP(net);
  const length = Number(bits);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(bits)) return false;
  if (length > (family === 4 ? 32 : 128)) return false;
  const block = new BlockList();
  block.addSubnet(net, length, family === 4 ? 'ipv4' : 'ipv6');
  return block.check(host, family === 4 ? 'ipv4' : 'ipv6');
}
