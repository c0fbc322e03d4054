/**
 * Golden files: what was right once, kept in `spec-fixtures/golden/`. With `S2OCI_TEST_UPDATE=1` in the
 * environment they are written anew; then `git diff` shows what changed.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Returns the content of a golden file, after writing it when an update was asked for. */
export function golden(name: string, actual: string): string {
  const path = join(import.meta.dirname, '../spec-fixtures/golden', name);
  if (process.env['S2OCI_TEST_UPDATE'] === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, actual);
  }
  return existsSync(path)
    ? readFileSync(path, 'utf8')
    : 'no golden file: run with S2OCI_TEST_UPDATE=1';
}
