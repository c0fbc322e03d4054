/**
 * Runs a file of tests the way the agent runs: as the root of a user namespace that an unprivileged user
 * made, with a mount namespace of its own. The file's results become a subtest.
 */

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { commandFor, findTestUser, type TestUserKind } from '../../support/as-user.ts';
import { seed } from '../../support/property.ts';

/** How ids are mapped: a whole range by `newuidmap`, or the user's own id alone. */
export type Mapping = 'full' | 'single';

const kinds: Readonly<Record<Mapping, TestUserKind>> = {
  full: 'with-subuids',
  single: 'without-subuids',
};

const options: Readonly<Record<Mapping, readonly string[]>> = {
  full: ['--map-root-user', '--map-auto'],
  single: ['--map-root-user'],
};

const ofLayers = new URL('../inside/', import.meta.url);

/** Where a file is, and how its process is started. */
interface InsideOptions {
  readonly folder?: URL;
  readonly timeout?: number;
  /** Options of Node in front of the file. */
  readonly node?: readonly string[];
  /** What the file is given. */
  readonly arguments?: readonly string[];
}

/** Runs `inside/<name>.ts` in a namespace; the file finds the mapping in `S2OCI_TEST_MAPPING`. */
export async function runInside(
  name: string,
  mapping: Mapping,
  { folder = ofLayers, timeout = 300_000, node = [], arguments: given = [] }: InsideOptions = {},
): Promise<void> {
  const user = await findTestUser(kinds[mapping]);
  if (typeof user === 'string') {
    t.fail(user);
    return;
  }
  const file = fileURLToPath(new URL(`${name}.ts`, folder));
  const [command = '', ...args] = commandFor(user, 'unshare', [
    ...['--user', ...options[mapping], '--mount', process.execPath, ...node, file, ...given],
  ]);
  const env = {
    ...{ PATH: process.env['PATH'], HOME: user.home, LANG: 'C.UTF-8' },
    ...{
      TMPDIR: '/tmp',
      S2OCI_TEST_MAPPING: mapping,
      TAP: '1',
      TAP_TIMEOUT: String(timeout / 1000),
    },
    NODE_COMPILE_CACHE: join(tmpdir(), `s2oci-test-compile-cache-${user.name}`),
    FAST_CHECK_SEED: String(seed),
    S2OCI_SWEEP: process.env['S2OCI_SWEEP'] ?? '',
  };
  await t.spawn(command, args, { env, cwd: user.home, timeout }, `${name}, ${mapping} id map`);
}
