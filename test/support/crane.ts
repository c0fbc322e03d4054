/** The `crane` program, built from its Go module into the cache of the tests when it is first needed. */

import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './as-user.ts';
import { cacheDirectory } from './images.ts';

const module = 'github.com/google/go-containerregistry/cmd/crane';
const version = 'v0.22.1';

/**
 * Returns the path of crane, or undefined on a machine without Go, for a test to skip with that reason.
 * Fails with Go's own words when Go cannot build it.
 */
export async function craneProgram(): Promise<string | undefined> {
  const folder = join(cacheDirectory(), `crane-${version}`);
  const program = join(folder, 'crane');
  if (await isThere(program)) return program;
  if (!(await hasGo())) return undefined;
  await mkdir(folder, { recursive: true });
  const install = ['go', 'install', `${module}@${version}`];
  const { GOPATH, GOCACHE, GOPROXY, HOME, SSL_CERT_FILE } = process.env;
  const env = { GOPATH, GOCACHE, GOPROXY, HOME, SSL_CERT_FILE, GOBIN: folder, GOFLAGS: '' };
  const { code, stderr } = await run('flock', [join(folder, 'lock'), ...install], { env });
  if (code !== 0) throw new Error(`crane could not be built: ${stderr}`);
  return program;
}

async function hasGo(): Promise<boolean> {
  const folders = (process.env['PATH'] ?? '').split(':').filter((folder) => folder !== '');
  const found = await Promise.all(folders.map((folder) => isThere(join(folder, 'go'))));
  return found.includes(true);
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
