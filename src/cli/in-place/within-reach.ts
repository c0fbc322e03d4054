/** What a script with our id could read although this program keeps its own secrets: said, never hidden. */

import { accessSync, constants, readFileSync } from 'node:fs';
import type { CredentialSettings } from '../../registry/index.ts';
import { processesOfUser } from '../../runtime/index.ts';
import type { Environment } from './hand-over.ts';

const secretName = /AUTH|TOKEN|PASSW|SECRET|CREDENTIAL|_KEY$/i;

/** Sentences about credentials that assemble could read, and what to do about each. */
export function withinReach(hidden: Environment, places: CredentialSettings): readonly string[] {
  const files = credentialFiles(places).filter(isReadable);
  const shown = processesShowing(Object.keys(hidden).filter((name) => secretName.test(name)));
  return [
    ...files.map((path) => `assemble runs with your id and can read ${path}`),
    ...shown.map(
      ({ pid, names }) =>
        `assemble can read ${names.join(', ')} in the environment of process ${pid}`,
    ),
    ...(memoryIsOpen() &&
    shown.length === 0 &&
    Object.keys(hidden).some((name) => secretName.test(name))
      ? ['kernel.yama.ptrace_scope is 0: assemble can read the memory of this program']
      : []),
  ];
}

function credentialFiles(places: CredentialSettings): readonly string[] {
  const { authFile, dockerDirectory } = places;
  return [...(authFile === undefined ? [] : [authFile]), `${dockerDirectory}/config.json`];
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function processesShowing(names: readonly string[]) {
  if (names.length === 0) return [];
  return processesOfUser().flatMap(({ pid }) => {
    const environment = `\0${readOr(`/proc/${pid}/environ`)}`;
    const found = names.filter((name) => environment.includes(`\0${name}=`));
    return found.length === 0 ? [] : [{ pid, names: found }];
  });
}

/** Without Yama, and with Yama at 0, processes of one user may look into each other. */
function memoryIsOpen(): boolean {
  return ['', '0'].includes(readOr('/proc/sys/kernel/yama/ptrace_scope').trim());
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
