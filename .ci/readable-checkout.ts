/**
 * Tests that run as root drop to unprivileged users, who have to read the checkout. Where they cannot (it
 * is below /root, or was made under a strict umask) the tests run in a copy that they can read.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** A checkout to run tests in; disposing it removes the copy, if one was made. */
export interface ReadableCheckout extends Disposable {
  readonly path: string;
  readonly copied: boolean;
}

/** Returns the checkout itself, or a copy where unprivileged users cannot read it. */
export function readableCheckout(root: string): ReadableCheckout {
  const dropsUsers = process.getuid?.() === 0;
  if (!dropsUsers || isReadableByAll(root)) {
    return { path: root, copied: false, [Symbol.dispose]() {} };
  }
  const parent = mkdtempSync('/var/tmp/s2oci-checkout-');
  chmodSync(parent, 0o755);
  const path = join(parent, 'checkout');
  execFileSync('cp', ['-a', root, path]);
  execFileSync('chmod', ['-R', 'go+rX', path]);
  return { path, copied: true, [Symbol.dispose]: () => rmSync(parent, { recursive: true }) };
}

/** Tries it, as the user nobody: its Node has to start and to read a source. */
function isReadableByAll(root: string): boolean {
  const node = join(root, 'node_modules/node/bin/node');
  const read = `fs.readFileSync(${JSON.stringify(join(root, 'src/cli/main.ts'))})`;
  const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--'];
  return spawnSync('setpriv', [...nobody, node, '-e', read], { cwd: '/' }).status === 0;
}
