/** What tests of `s2oci builder build` share: a context given as files, and looks into the image. */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RunResult } from '../support/as-user.ts';
import type { Workbench } from './support.ts';

/** Files of a build context by path. */
export type ContextFiles = Readonly<Record<string, string>>;

/** Builds a context into the layout `image` of the workbench. */
export async function build(
  bench: Workbench,
  files: ContextFiles,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<RunResult> {
  const context = join(bench.directory, 'context');
  await rm(context, { recursive: true, force: true });
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(context, name)), { recursive: true });
    await writeFile(join(context, name), content);
  }
  const command = ['builder', 'build', context, '-t', `oci:${bench.directory}/image`, ...args];
  return bench.s2oci([...command, '--progress', 'plain'], { env });
}

/** All entries of all layers, as GNU tar lists them, without sizes and times. */
export async function entriesOf(bench: Workbench): Promise<readonly string[]> {
  const { stdout } = await bench.run('sh', ['-c', listing, 'sh', `${bench.directory}/image`]);
  return stdout.split('\n').map((line) => line.replace(/\s+\d+ \d{4}-\d\d-\d\d \d\d:\d\d /, ' '));
}

const manifest = `
cd "$1"/blobs/sha256
manifest=$(jq -r '.manifests[0].digest' ../../index.json | cut -d: -f2)`;
const listing = `${manifest}
for layer in $(jq -r '.layers[].digest' "$manifest" | cut -d: -f2); do
  tar --numeric-owner -tvzf "$layer"
done`;

/** The image config, with what skopeo does not know. */
export async function configOf(bench: Workbench) {
  const script = `${manifest}; cat "$(jq -r .config.digest "$manifest" | cut -d: -f2)"`;
  const { stdout } = await bench.run('sh', ['-c', script, 'sh', `${bench.directory}/image`]);
  return JSON.parse(stdout);
}
