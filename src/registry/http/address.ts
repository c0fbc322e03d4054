/**
 * Which network addresses a registry may send us to.
 *
 * Token realms, redirects, upload locations and foreign layer URLs are chosen by the server, so each is a
 * possible request forgery (SSRF). The rule: a public registry can only name public addresses, a private
 * one also private ones, one on loopback also loopback. Link-local (cloud metadata), unspecified and
 * multicast addresses are never reached this way. Names are checked after resolution, when connecting.
 */

import { BlockList, isIP } from 'node:net';

/** How far a request may reach. `any` is for hosts that the user named. */
export type Reach = 'any' | 'loopback' | 'private' | 'public';

/** What kind of network an address belongs to; `forbidden` is never reached on a server's word. */
export type AddressKind = 'public' | 'private' | 'loopback' | 'forbidden';

const ranges: Readonly<
  Record<Exclude<AddressKind, 'public'>, readonly (readonly [string, number])[]>
> = {
  loopback: [
    ['127.0.0.0', 8],
    ['::1', 128],
  ],
  private: [
    ['10.0.0.0', 8],
    ['172.16.0.0', 12],
    ['192.168.0.0', 16],
    ['100.64.0.0', 10],
    ['198.18.0.0', 15],
    ['fc00::', 7],
    ['fec0::', 10],
  ],
  forbidden: [
    ['0.0.0.0', 8],
    ['169.254.0.0', 16],
    ['192.0.0.0', 24],
    ['224.0.0.0', 3],
    ['::', 128],
    ['fe80::', 10],
    ['ff00::', 8],
    ['2001:db8::', 32],
  ],
};

const kinds = (['loopback', 'private', 'forbidden'] as const).map((kind) => {
  const list = new BlockList();
  for (const [net, bits] of ranges[kind]) {
    list.addSubnet(net, bits, net.includes(':') ? 'ipv6' : 'ipv4');
  }
  return [kind, list] as const;
});

/** Classifies an IP address; IPv4 inside IPv6 (mapped, NAT64, 6to4) counts as the IPv4 address. */
export function kindOfAddress(address: string): AddressKind {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  const embedded = isIP(bare) === 6 ? embeddedIPv4(bare) : undefined;
  if (embedded !== undefined) return kindOfAddress(embedded);
  const family = isIP(bare) === 6 ? 'ipv6' : 'ipv4';
  return kinds.find(([, list]) => list.check(bare, family))?.[0] ?? 'public';
}

/** Classifies the host of a URL when it is an address or a name of this machine; undefined for other names. */
export function kindOfHost(hostname: string): AddressKind | undefined {
  const bare = hostname.replace(/^\[|\]$/g, '');
  if (isIP(bare) !== 0) return kindOfAddress(bare);
  const name = bare.toLowerCase().replace(/\.$/, '');
  return name === 'localhost' || name.endsWith('.localhost') ? 'loopback' : undefined;
}

/** Tells whether an address of this kind may be connected to. */
export function isWithinReach(kind: AddressKind, reach: Reach): boolean {
  if (reach === 'any') return true;
  if (kind === 'public') return true;
  if (kind === 'private') return reach !== 'public';
  return kind === 'loopback' && reach === 'loopback';
}

/** Tells whether a host is this machine, for which plain HTTP is acceptable. */
export function isLoopbackHost(hostname: string): boolean {
  return kindOfHost(hostname) === 'loopback';
}

function embeddedIPv4(address: string): string | undefined {
  const words = expandIPv6(address);
  if (words === undefined) return undefined;
  const [a, b, c, d, e, f, g, h] = words as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const zeros = a === 0 && b === 0 && c === 0 && d === 0;
  if (zeros && e === 0 && f === 0xff_ff) return dotted(g, h);
  if (zeros && e === 0xff_ff && f === 0) return dotted(g, h);
  if (a === 0x64 && b === 0xff_9b) return dotted(g, h);
  if (a === 0x20_02) return dotted(b, c);
  return undefined;
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** Writes an IPv6 address as its eight words; a dotted tail counts as two. */
function expandIPv6(address: string): readonly number[] | undefined {
  const tail = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const hex = (high = '0', low = '0'): string => (Number(high) * 256 + Number(low)).toString(16);
  const plain =
    tail === null ? address : `${tail[1]}${hex(tail[2], tail[3])}:${hex(tail[4], tail[5])}`;
  const [left = '', right] = plain.split('::');
  const head = left === '' ? [] : left.split(':');
  const rest = right === undefined || right === '' ? [] : right.split(':');
  const gap = right === undefined ? 0 : 8 - head.length - rest.length;
  const words = [...head, ...Array<string>(Math.max(0, gap)).fill('0'), ...rest];
  return words.length === 8 ? words.map((word) => Number.parseInt(word, 16)) : undefined;
}
