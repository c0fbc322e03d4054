/** The hosts and resolv.conf of a run: names resolve as fits the network that it has. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type NetworkMode, nameServerOf, type RunMount } from '../runtime/index.ts';

/** What decides how names are resolved. */
export interface NameResolution {
  readonly network: NetworkMode;
  /** `name:ip` pairs for /etc/hosts. */
  readonly addHosts: readonly string[];
}

/** Writes the files into a directory beside the root file system, and says where they are mounted. */
export function mountNameResolution(
  directory: string,
  wanted: NameResolution,
  hostDirectory = '/etc',
): readonly RunMount[] {
  const files: Readonly<Record<string, string | undefined>> = {
    hosts: hostsText(wanted, readOr(join(hostDirectory, 'hosts'), '')),
    'resolv.conf': resolverText(wanted, readOr(join(hostDirectory, 'resolv.conf'), '')),
  };
  return Object.entries(files).flatMap(([name, text]): readonly RunMount[] => {
    if (text === undefined) return [];
    const source = join(directory, name);
    writeFileSync(source, text);
    return [{ kind: 'bind', source, target: `/etc/${name}`, readOnly: true }];
  });
}

/** Only with the host's network do the names of the host mean anything. */
function hostsText({ network, addHosts }: NameResolution, ofHost: string): string {
  const added = addHosts.map(
    (pair) => `${pair.slice(pair.indexOf(':') + 1)}\t${pair.slice(0, pair.indexOf(':'))}`,
  );
  const lines = ['127.0.0.1\tlocalhost', '::1\tlocalhost', ...added];
  return `${lines.join('\n')}\n${network === 'host' ? ofHost : ''}`;
}

/** Search domains and options stay as the host has them; the servers are those that the network reaches. */
function resolverText({ network }: NameResolution, ofHost: string): string | undefined {
  if (network === 'host') return ofHost;
  if (network === 'none') return undefined;
  const others = ofHost.split('\n').filter((line) => /^(search|domain|options)\s/.test(line));
  return [`nameserver ${nameServerOf(network)}`, ...others, ''].join('\n');
}

function readOr(path: string, fallback: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return fallback;
  }
}
