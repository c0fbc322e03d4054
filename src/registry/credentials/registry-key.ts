/**
 * The many spellings of a registry in credential files, brought to one.
 */

const hub = 'docker.io';
const hubNames = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/** The key under which credential helpers and Docker know Docker Hub. */
export const hubServer = 'https://index.docker.io/v1/';

/** Returns the server address that credential helpers and `auths` use for a registry. */
export function serverAddress(registry: string): string {
  return hubNames.has(registry.toLowerCase()) ? hubServer : registry;
}

/**
 * Normalises a key of `auths` or `credHelpers`: the host in lower case, with its port, and the path when
 * the key is scoped to one. Keys with a scheme are never scoped: their path is that of an old API.
 */
export function normalizeKey(key: string): string {
  const schemeless = key.replace(/^https?:\/\//i, '');
  const hasScheme = schemeless !== key;
  const [host = '', ...path] = schemeless.split('/');
  const lower = host.toLowerCase();
  const name = hubNames.has(lower) ? hub : lower;
  const scope = path.filter((part) => part !== '').join('/');
  return hasScheme || scope === '' || /^v[12]$/.test(scope) ? name : `${name}/${scope}`;
}

/** Lists the keys that apply to a repository, the most particular first. */
export function keysFor(registry: string, repository: string): readonly string[] {
  const host = normalizeKey(registry);
  const parts = repository.split('/').filter((part) => part !== '');
  const scoped = parts.map((_, i) => `${host}/${parts.slice(0, parts.length - i).join('/')}`);
  return [...scoped, host];
}
