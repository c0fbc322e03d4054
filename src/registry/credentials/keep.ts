/**
 * Keeping and forgetting logins: in the helper that is configured for the registry, else in a file.
 *
 * The file is the first one that already knows the registry, else Docker's config.json, which all tools
 * read. A login for a path goes to a file always, because helpers know hosts only; the containers tools read it,
 * Docker passes it over. A file is replaced as a whole with mode 0600; fields that are not ours stay as they are.
 */

import { randomUUID } from 'node:crypto';
import { mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BuildError } from '../../errors/index.ts';
import { isJsonObject, type Json } from '../../model/index.ts';
import { type AuthFile, parseAuthFile } from './auth-file.ts';
import { credentialFiles, readText } from './files.ts';
import { helperErase, helperStore } from './helper.ts';
import { normalizeKey, serverAddress } from './registry-key.ts';
import type { CredentialSettings } from './settings.ts';

/** A login as the user gave it. */
export interface Login {
  /** A registry, or with a path the part of one that the login is for: `host/team`. */
  readonly registry: string;
  readonly username: string;
  readonly secret: string;
}

/** Keeps a login; returns where: a path or the name of a helper. */
export async function storeCredential(settings: CredentialSettings, login: Login): Promise<string> {
  const { registry, username, secret } = login;
  const key = normalizeKey(registry);
  const target = await chooseFile(settings, key);
  const helper = helperFor(target.file, key);
  if (helper !== undefined) {
    const server = serverAddress(registry);
    await helperStore(helper, { server, username, secret }, settings);
    return `docker-credential-${helper}`;
  }
  const auth = Buffer.from(`${username}:${secret}`).toString('base64');
  const name = isScoped(key) ? key : serverAddress(registry);
  await editAuths(target.path, key, (auths) => ({ ...auths, [name]: { auth } }));
  return target.path;
}

/** Forgets a login everywhere; returns the places that had it. */
export async function eraseCredential(
  settings: CredentialSettings,
  registry: string,
): Promise<readonly string[]> {
  const key = normalizeKey(registry);
  const places: string[] = [];
  for (const { path, file } of await readAll(settings)) {
    const helper = helperFor(file, key);
    if (helper !== undefined && (await helperErase(helper, serverAddress(registry), settings))) {
      places.push(`docker-credential-${helper}`);
    }
    if (file?.entries.has(key) !== true) continue;
    await editAuths(path, key, (auths) => auths);
    places.push(path);
  }
  return [...new Set(places)];
}

function helperFor(file: AuthFile | undefined, key: string): string | undefined {
  return isScoped(key) ? undefined : (file?.helpers.get(key) ?? file?.store);
}

function isScoped(key: string): boolean {
  return key.includes('/');
}

interface Candidate {
  readonly path: string;
  readonly file: AuthFile | undefined;
}

async function chooseFile(settings: CredentialSettings, key: string): Promise<Candidate> {
  const candidates = await readAll(settings);
  const { authFile, dockerDirectory } = settings;
  const path = authFile ?? (dockerDirectory && join(dockerDirectory, 'config.json'));
  const knows = ({ file }: Candidate): boolean =>
    file !== undefined && (file.helpers.has(key) || file.entries.has(key));
  const chosen =
    (authFile === undefined ? candidates.find(knows) : undefined) ??
    candidates.find((candidate) => candidate.path === path);
  if (chosen !== undefined) return chosen;
  throw new BuildError('CONFIG_INVALID', 'there is no place to keep credentials', {
    suggestion: 'set HOME, DOCKER_CONFIG or REGISTRY_AUTH_FILE',
  });
}

/** A legacy file is not written to. */
async function readAll(settings: CredentialSettings): Promise<readonly Candidate[]> {
  const paths = credentialFiles(settings).filter((path) => path !== settings.legacyFile);
  return Promise.all(
    paths.map(async (path) => {
      const text = await readText(path, () => {});
      const blank = text === undefined || text.trim() === '';
      return { path, file: blank ? undefined : parseAuthFile(text, path) };
    }),
  );
}

/** Removes all spellings of a key from `auths` and then applies a change to what is left. */
async function editAuths(
  path: string,
  key: string,
  change: (auths: Readonly<Record<string, Json>>) => Readonly<Record<string, Json>>,
): Promise<void> {
  const text = (await readText(path, () => {})) ?? '';
  const document: unknown = text.trim() === '' ? {} : JSON.parse(text);
  const root = isJsonObject(document) ? document : {};
  const auths = isJsonObject(root['auths']) ? root['auths'] : {};
  const others = Object.entries(auths).filter(([name]) => normalizeKey(name) !== key);
  const changed = { ...root, auths: change(Object.fromEntries(others)) };
  await replaceFile(path, `${JSON.stringify(changed, undefined, '\t')}\n`);
}

/** Writes beside the file and renames over it; a symbolic link keeps pointing to the file. */
async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const target = await realpath(path).catch(() => path);
  const temporary = `${target}.${randomUUID()}`;
  try {
    await using file = await open(temporary, 'wx', 0o600);
    await file.writeFile(text);
    await file.sync();
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
