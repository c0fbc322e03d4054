/**
 * Finding the credential for a repository: the union of what the docker CLI and the containers tools do.
 *
 * Sources are asked in a fixed order and the first that has something for the registry decides. A source
 * that fails ends the search with an error: a credential is never replaced by another one in silence.
 */

import { BuildError } from '../../errors/index.ts';
import { type AuthFile, lookUp, parseAuthFile } from './auth-file.ts';
import { credentialFiles, readAuthFile, type Warn } from './files.ts';
import { helperGet } from './helper.ts';
import { serverAddress } from './registry-key.ts';
import type { CredentialSettings } from './settings.ts';
import type { Credential, CredentialProvider } from './types.ts';

/**
 * Makes a provider over the user's files and helpers. Files are read at the first question, helpers are
 * asked once per registry.
 *
 * @param warn told about files that others can read and entries that cannot be used
 */
export function loadCredentials(
  settings: CredentialSettings,
  warn: Warn = () => {},
): CredentialProvider {
  const asked = new Map<string, Promise<Credential | undefined>>();
  const askHelper = (helper: string, registry: string): Promise<Credential | undefined> => {
    const key = `${helper} ${registry}`;
    const known = asked.get(key);
    if (known !== undefined) return known;
    const answer = helperGet(helper, serverAddress(registry), settings);
    asked.set(key, answer);
    return answer;
  };
  let files: Promise<readonly AuthFile[]> | undefined;
  return {
    find: async (registry, repository) => {
      files ??= readSources(settings, warn);
      for (const file of await files) {
        const finding = lookUp(file, registry, repository);
        if (finding?.kind === 'invalid') warn(`${file.origin}: ${finding.key}: ${finding.why}`);
        if (finding?.kind === 'credential') return finding.credential;
        if (finding?.kind !== 'helper') continue;
        const credential = await askHelper(finding.helper, registry);
        if (credential !== undefined) return credential;
      }
      return undefined;
    },
  };
}

/** Reads all sources in their order. */
export async function readSources(
  settings: CredentialSettings,
  warn: Warn,
): Promise<readonly AuthFile[]> {
  const { authFile, inline } = settings;
  const found = await Promise.all(
    credentialFiles(settings).map(async (path) => ({ path, file: await readAuthFile(path, warn) })),
  );
  const files = found.flatMap(({ file }) => (file === undefined ? [] : [file]));
  if (authFile !== undefined && found[0]?.file === undefined) {
    throw new BuildError('CREDENTIALS_INVALID', `the credential file ${authFile} does not exist`);
  }
  const first = authFile === undefined ? [] : files.slice(0, 1);
  const fromInline = inline === undefined ? undefined : parseInline(inline, warn);
  return [
    ...first,
    ...(fromInline === undefined ? [] : [fromInline]),
    ...files.slice(first.length),
  ];
}

/** CI systems use the variable loosely; what cannot be read is passed over with a word. */
function parseInline(text: string, warn: Warn): AuthFile | undefined {
  try {
    return parseAuthFile(text, 'DOCKER_AUTH_CONFIG');
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    warn(error.message);
    return undefined;
  }
}
