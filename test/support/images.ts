/**
 * The real builder images that tests build on, as OCI layouts, made when they are first needed and kept
 * outside the repository under a key of everything that they are made from.
 *
 * They are made by `builders/make.ts` with mmdebstrap, GNU tar and gzip, and not by code of `src/`, so that
 * what reads them was not also what wrote them.
 */

import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './as-user.ts';

/**
 * The builder images there are.
 *
 * `busybox`: two small layers, runs as root. `node`: Debian, this very Node and npm; about 20,000 files in
 * several layers, hard links, setuid programs, a file capability, whiteouts, several owners; runs as 1001:0.
 * `python`: the same Debian layer and Python; runs as the named user `default`.
 */
export const builderNames = ['busybox', 'node', 'python'] as const;

/** The name of a builder image. */
export type BuilderName = (typeof builderNames)[number];

/** A builder image on this machine. */
export interface BuilderImage {
  /** The directory of its OCI layout; readable by everybody, not to be changed. */
  readonly directory: string;
  /** `oci:DIRECTORY:latest`, as skopeo and s2oci take it. */
  readonly reference: string;
}

/** Where root keeps images for every user of the machine. */
const systemCache = '/var/cache/s2oci-tests';

const recipes = fileURLToPath(new URL('./builders/', import.meta.url));

/**
 * Returns a builder image, making it first when this machine does not have it yet (which takes a minute or
 * two for the Debian ones). Processes that ask at the same time wait for the first of them.
 */
export async function builderImage(name: BuilderName): Promise<BuilderImage> {
  const folder = `${name}-${await recipeKey()}`;
  for (const cache of [cacheDirectory(), systemCache]) {
    const directory = join(cache, folder);
    if (await isComplete(directory)) return describe(directory);
  }
  const directory = join(cacheDirectory(), folder);
  await make(name, directory);
  return describe(directory);
}

function describe(directory: string): BuilderImage {
  return { directory, reference: `oci:${directory}:latest` };
}

/** Copies a builder image to a repository of a plain-HTTP registry with skopeo. */
export async function pushBuilder(name: BuilderName, reference: string): Promise<void> {
  const { reference: source } = await builderImage(name);
  const args = ['copy', '--quiet', '--dest-tls-verify=false', source, `docker://${reference}`];
  const { code, stderr } = await run('skopeo', args);
  if (code !== 0) throw new Error(`skopeo could not push ${source} to ${reference}: ${stderr}`);
}

/** Where images are kept: `$S2OCI_TEST_CACHE`, else a place for everybody (root) or for this user. */
export function cacheDirectory(): string {
  const { S2OCI_TEST_CACHE: chosen } = process.env;
  if (chosen !== undefined && chosen !== '') return chosen;
  if (process.getuid?.() === 0) return systemCache;
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 's2oci-tests');
}

async function make(name: BuilderName, directory: string): Promise<void> {
  const cache = dirname(directory);
  await mkdir(cache, { recursive: true });
  const maker = [process.execPath, join(recipes, 'make.ts'), name, directory];
  const locked = ['flock', join(cache, 'lock'), ...maker];
  // Files of many owners need root, or a user namespace in which we are root over a range of ids.
  const asRoot = ['unshare', '--map-auto', '--map-root-user', '--mount', '--pid', '--fork', '--'];
  const [command = '', ...args] = process.getuid?.() === 0 ? locked : [...asRoot, ...locked];
  const { code, stdout, stderr } = await run(command, args);
  if (code !== 0) throw new Error(`builder image ${name} could not be made:\n${stdout}${stderr}`);
}

async function isComplete(directory: string): Promise<boolean> {
  return await stat(join(directory, 'index.json')).then(
    () => true,
    () => false,
  );
}

async function recipeKey(): Promise<string> {
  const hash = createHash('sha256').update(process.version);
  const names = await readdir(recipes, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((e) => join(e.parentPath, e.name));
  for (const file of files.toSorted()) {
    const content = await readFile(file);
    hash.update(`${relative(recipes, file)} ${content.length}\n`).update(content);
  }
  return hash.digest('hex').slice(0, 16);
}
