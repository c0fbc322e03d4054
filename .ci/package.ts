/**
 * `npm run package`: one self-contained file, reproducibly: `release/s2oci-linux-<arch>` with Node inside, and
 * `release/s2oci-node` for machines that have a Node.
 *
 * Each is a shell script with an archive behind it, which unpacks itself once for a user and runs from there: an
 * init container or a job can bring it to any builder image with a shell, tar and gzip.
 */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { bundle } from './bundle.ts';

const root = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
};

const output = resolve(process.argv[2] ?? join(root, 'release'));
mkdirSync(output, { recursive: true });
const work = mkdtempSync(join(tmpdir(), 's2oci-package-'));
try {
  await bundle(join(work, 'lib/s2oci'));
  writeFileSync(
    join(work, 'package.json'),
    `${JSON.stringify({ name: 's2oci', version, type: 'module' })}\n`,
  );
  write(join(output, 's2oci-node'), 'node');
  copyFileSync(process.execPath, join(work, 'node'));
  write(join(output, `s2oci-linux-${process.arch}`), '"$dir/node"');
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** Puts what is in the work directory behind the script that unpacks and starts it. */
function write(path: string, node: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const archive = packed();
  const key = createHash('sha256').update(archive).digest('hex').slice(0, 24);
  const header = script(key, node);
  writeFileSync(path, Buffer.concat([Buffer.from(header), archive]));
  chmodSync(path, 0o755);
  const bytes = readFileSync(path);
  const digest = createHash('sha256').update(bytes).digest('hex');
  process.stdout.write(`${digest}  ${basename(path)}  ${(bytes.length / 1e6).toFixed(1)} MB\n`);
}

function packed(): Buffer {
  const fixed = [
    '--sort=name',
    '--mtime=@0',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mode=u=rwX,go=rX',
  ];
  const tar = spawnSync('tar', [...fixed, '--format=ustar', '-C', work, '-cf', '-', '.'], {
    maxBuffer: 2 ** 30,
  });
  if (tar.status !== 0) throw new Error(`tar: ${tar.stderr}`);
  const gzip = spawnSync('gzip', ['-6n'], { input: tar.stdout, maxBuffer: 2 ** 30 });
  if (gzip.status !== 0) throw new Error(`gzip: ${gzip.stderr}`);
  return gzip.stdout;
}

function script(key: string, node: string): string {
  const text = `#!/bin/sh
# s2oci ${version}: unpacks itself once for each user, to S2OCI_PACKAGE_DIR or a directory for temporary files.
set -eu
base=\${S2OCI_PACKAGE_DIR:-\${TMPDIR:-/tmp}/s2oci-$(id -u)}
dir=$base/${key}
unset S2OCI_PACKAGE_DIR
if [ ! -d "$dir" ]; then
  mkdir -p -m 700 "$base"
fi
if [ ! -O "$base" ]; then
  echo "s2oci: $base belongs to somebody else; set S2OCI_PACKAGE_DIR to a directory of your own" >&2
  exit 2
fi
if [ ! -d "$dir" ]; then
  draft=$(mktemp -d "$base/draft.XXXXXX")
  tail -n +LINES "$0" | gzip -dc | tar -xf - -C "$draft"
  mv -T "$draft" "$dir" 2>/dev/null || rm -rf "$draft"
fi
exec ${node} "$dir/lib/s2oci/main.js" "$@"
`;
  return text.replace('LINES', String(text.split('\n').length));
}
