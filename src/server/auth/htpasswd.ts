/**
 * The users of a registry, in the file format of `htpasswd`: `name:hash` lines. Of its many kinds of hashes only
 * SHA-512 crypt is taken (`htpasswd -5`): the older ones are no protection, and bcrypt is not in Node.
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { BuildError } from '../../errors/index.ts';
import { parseSha512Crypt, type Sha512Crypt, sha512Crypt } from './sha512-crypt.ts';

/** Above this a login takes seconds, in which the registry answers nobody. */
const maxRounds = 100_000;

/**
 * Parses a password file; empty lines and comments are skipped.
 *
 * @param origin names the file in messages
 * @throws BuildError `CONFIG_INVALID`
 */
export function parseHtpasswd(text: string, origin: string): ReadonlyMap<string, Sha512Crypt> {
  const users = new Map<string, Sha512Crypt>();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const password = parseSha512Crypt(line.slice(colon + 1));
    if (colon < 1 || password === undefined || password.rounds > maxRounds) {
      throw new BuildError(
        'CONFIG_INVALID',
        `${origin}: line ${i + 1} is no user with a SHA-512 password`,
        {
          suggestion: 'write it with htpasswd -5, or as NAME: and what openssl passwd -6 prints',
        },
      );
    }
    users.set(line.slice(0, colon), password);
  }
  if (users.size > 0) return users;
  throw new BuildError('CONFIG_INVALID', `${origin} has no users`, {
    suggestion: 'htpasswd -c -5 FILE NAME makes one',
  });
}

/** Tells who may come in. A login that was right is remembered, as a keyed hash, and then costs nothing. */
export class Gatekeeper {
  readonly #users: ReadonlyMap<string, Sha512Crypt>;
  readonly #key = randomBytes(32);
  readonly #known = new Set<string>();

  constructor(users: ReadonlyMap<string, Sha512Crypt>) {
    this.#users = users;
  }

  /** Judges an `Authorization` header. */
  admits(header: string | undefined): boolean {
    const [, encoded] = /^basic +([A-Za-z0-9+/=]{1,4096})$/i.exec(header ?? '') ?? [];
    if (encoded === undefined) return false;
    const login = Buffer.from(encoded, 'base64').toString('utf8');
    const mark = createHmac('sha256', this.#key).update(login).digest('base64');
    if (this.#known.has(mark)) return true;
    const colon = login.indexOf(':');
    const admitted = colon > 0 && this.#isRight(login.slice(0, colon), login.slice(colon + 1));
    if (admitted) this.#known.add(mark);
    return admitted;
  }

  /** Takes as long for a name that does not exist as for one that does. */
  #isRight(name: string, password: string): boolean {
    const known = this.#users.get(name);
    const { salt, rounds, checksum } = known ?? ([...this.#users.values()][0] as Sha512Crypt);
    const computed = Buffer.from(sha512Crypt(password, salt, rounds));
    return timingSafeEqual(computed, Buffer.from(checksum)) && known !== undefined;
  }
}
