/** The version of this program, from its package.json. */

import { readFileSync } from 'node:fs';

/** Semantic version of s2oci. */
export const programVersion: string = readVersion();

function readVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
