/** What assemble is given for the build only, besides files: secrets, caches, ssh agents. */

import { type MountRequest, type SecretValue, secretPatterns } from '../../agent/index.ts';
import { BuildError } from '../../errors/index.ts';
import type { BuildRequest } from '../request.ts';
import { mountCache } from './caches.ts';
import { mountSecret, readSecret } from './secrets.ts';
import { mountSsh, openSsh, sshTarget } from './ssh.ts';

/** What a request says of these things. */
type Given = Pick<BuildRequest, 'secrets' | 'caches' | 'ssh'>;

/** A user of the container. */
type Owner = { readonly uid: number; readonly gid: number };

/** Reads the values of all secrets, in their order; before anything else of a build, because it may fail. */
export async function readSecrets(
  { secrets }: Given,
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly SecretValue[]> {
  const ids = secrets.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined)
    throw new BuildError('USAGE_INVALID', `two secrets have the id ${twice}`);
  return Promise.all(
    secrets.map(async (secret) => ({ id: secret.id, value: await readSecret(secret, env) })),
  );
}

/**
 * Refuses an image config or manifest that holds a secret; layers are looked through where they are made.
 *
 * @throws BuildError `SECRET_IN_IMAGE`
 */
export function refuseSecretsIn(
  documents: readonly Uint8Array[],
  values: readonly SecretValue[],
): void {
  for (const { id, bytes } of secretPatterns(values)) {
    if (!documents.some((document) => Buffer.from(document).includes(bytes))) continue;
    throw new BuildError(
      'SECRET_IN_IMAGE',
      `the image config is refused: it holds the secret ${id}`,
      {
        origin: 'builder',
        suggestion: 'look through variables, labels and the labels that assemble writes',
      },
    );
  }
}

/** What is mounted for assemble, and the variables that lead to it. */
export interface GivenMounts {
  readonly mounts: readonly MountRequest[];
  readonly environment: readonly string[];
}

/** Opens everything that is given; what was started for it ends with `resources`. */
export async function openGiven(
  { secrets, caches, ssh }: Given,
  values: readonly SecretValue[],
  user: Owner,
  surroundings: {
    readonly env: Readonly<Record<string, string | undefined>>;
    /** A private directory of the build. */
    readonly directory: string;
    readonly resources: AsyncDisposableStack;
  },
  signal: AbortSignal,
): Promise<GivenMounts> {
  const { env, directory, resources } = surroundings;
  const byId = new Map(values.map(({ id, value }) => [id, value]));
  const agents: MountRequest[] = [];
  for (const one of ssh) {
    const { socket } = resources.use(await openSsh(one, env, directory, signal));
    agents.push(mountSsh(one.id, socket, user));
  }
  const [agent] = ssh;
  return {
    mounts: [
      ...secrets.map((secret) => mountSecret(secret, byId.get(secret.id) ?? Buffer.of(), user)),
      ...caches.map((cache) => mountCache(cache, user)),
      ...agents,
    ],
    environment: agent === undefined ? [] : [`SSH_AUTH_SOCK=${sshTarget(agent.id)}`],
  };
}
