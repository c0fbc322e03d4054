/** Writes the id maps of a child process that is in its new user namespace (user_namespaces(7)). */

import { writeFileSync } from 'node:fs';
import { helperEnvironment, runHelper } from '../machine/helper.ts';
import { entryOfChild } from '../machine/processes.ts';
import type { Tools } from '../machine/tools.ts';
import { formatMap, type IdMaps } from './id-ranges.ts';
import type { NamespaceMethod } from './methods.ts';

/** Writes the maps a method asks for; returns why that failed. */
export async function writeMaps(
  tools: Tools,
  pid: number | undefined,
  method: NamespaceMethod,
): Promise<string | undefined> {
  if (method.maps === undefined || pid === undefined) return undefined;
  return method.writer === 'kernel'
    ? writeMapsDirectly(pid, method.maps)
    : await writeMapsByHelper(tools, pid, method.maps);
}

/** Writes the maps of a child by the privileges of this process; returns why that failed. */
export function writeMapsDirectly(pid: number, maps: IdMaps): string | undefined {
  const directory = entryOfChild(pid)?.directory;
  try {
    writeFileSync(`${directory}/uid_map`, formatMap(maps.uid));
    writeFileSync(`${directory}/gid_map`, formatMap(maps.gid));
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const denied = code === 'EPERM' ? 'operation not permitted' : message;
    return `writing the id map failed: ${denied}`;
  }
}

async function writeMapsByHelper(
  tools: Tools,
  pid: number,
  maps: IdMaps,
): Promise<string | undefined> {
  const pairs = [
    ['newuidmap', maps.uid],
    ['newgidmap', maps.gid],
  ] as const;
  for (const [name, map] of pairs) {
    const numbers = map.flatMap(({ inside, outside, count }) => [inside, outside, count]);
    const args = [pid, ...numbers].map(String);
    const result = await runHelper(tools.find(name) ?? name, args, {
      environment: helperEnvironment,
    });
    if (result.code !== 0) return `${name} failed: ${result.stderr.trim() || 'no message'}`;
  }
  return undefined;
}
