/**
 * `--secret`: a file or a variable of this machine that scripts of the build can read, and nobody after them.
 *
 * The value goes through the channel to the agent, which keeps it in memory; it is blotted out of output, and
 * a layer that holds it fails the build.
 */

import { open } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { MountRequest } from '../../agent/index.ts';
import { BuildError } from '../../errors/index.ts';
import {
  type GivenOwnership,
  ownershipKeys,
  parseFields,
  parseId,
  parseOwnership,
  parseTarget,
  refused,
} from './fields.ts';

/** A secret as it was asked for; its value is not in it. */
export interface GivenSecret extends GivenOwnership {
  readonly id: string;
  readonly from:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'env'; readonly name: string };
  /** Absolute path in the container. */
  readonly target: string;
}

/** The most bytes of a secret, as with BuildKit. */
const maxSecretSize = 500 * 1024;

const defaultMode = 0o400;

/**
 * Parses `id=ID,src=FILE|env=NAME[,target=PATH][,uid=N][,gid=N][,mode=OCTAL]`.
 *
 * @param resolvePath makes a path of the command line absolute
 * @throws BuildError `USAGE_INVALID`
 */
export function parseSecret(text: string, resolvePath: (path: string) => string): GivenSecret {
  const fields = parseFields(
    '--secret',
    text,
    ['id', 'src', 'env', 'type', 'target', ...ownershipKeys],
    { source: 'src', dst: 'target', destination: 'target' },
  );
  const id = parseId('--secret', text, fields.id);
  const { src, env, type = src === undefined ? 'env' : 'file' } = fields;
  const fits = type === 'file' || type === 'env';
  if (!fits || (src === undefined) === (env === undefined)) {
    throw refused('--secret', text, 'it needs either src=FILE or env=NAME');
  }
  const target = fields.target ?? id;
  return {
    id,
    from:
      env === undefined
        ? { kind: 'file', path: resolvePath(src ?? '') }
        : { kind: 'env', name: env },
    target: parseTarget('--secret', text, isAbsolute(target) ? target : `/run/secrets/${target}`),
    ...parseOwnership('--secret', text, fields),
  };
}

/**
 * Reads the value of a secret.
 *
 * @throws BuildError `USAGE_INVALID` when it is not there, `LIMIT_EXCEEDED`
 */
export async function readSecret(
  { id, from }: Pick<GivenSecret, 'id' | 'from'>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Uint8Array> {
  const value =
    from.kind === 'file' ? await readFile(id, from.path) : readVariable(id, from.name, env);
  if (value.length <= maxSecretSize) return value;
  throw new BuildError('LIMIT_EXCEEDED', `the secret ${id} has more than ${maxSecretSize} bytes`);
}

/** How a secret is mounted for a user. */
export function mountSecret(
  secret: GivenSecret,
  value: Uint8Array,
  user: { readonly uid: number; readonly gid: number },
): MountRequest {
  const { id, target, uid = user.uid, gid = user.gid, mode = defaultMode } = secret;
  return { kind: 'secret', id, value, target, owner: { uid, gid }, mode };
}

/** A FIFO, such as a shell's `<(command)`, is a file too; what never ends is cut off. */
async function readFile(id: string, path: string): Promise<Uint8Array> {
  try {
    await using file = await open(path, 'r');
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of file.createReadStream({ autoClose: false })) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length > maxSecretSize) break;
    }
    return Buffer.concat(chunks);
  } catch (error) {
    throw new BuildError('USAGE_INVALID', `the secret ${id}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function readVariable(
  id: string,
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): Uint8Array {
  const value = env[name];
  if (value !== undefined) return Buffer.from(value);
  throw new BuildError('USAGE_INVALID', `the secret ${id}: there is no variable ${name}`);
}
