/**
 * Users of images: the `User` field, and the passwd and group files it is looked up in.
 *
 * What container runtimes read differently is refused rather than guessed (CVE-2024-40635: ids beyond 31
 * bits became root; CVE-2026-30892: partial parsing became root). Lookup follows runc: a name or number is searched
 * in passwd; without a group it brings the primary and all further groups along; a number may be unknown.
 */

import { BuildError, type ErrorCode } from '../errors/index.ts';
import { displayText } from '../model/index.ts';

/** Who a process is; the same shape as the runtime's. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** With the primary group, which a process must not be able to shed (CVE-2022-2990). */
  readonly additionalGids: readonly number[];
  /** The home directory, where passwd has one. */
  readonly home?: string;
  /** The login name, where passwd has one. */
  readonly name?: string;
}

/** A user as written, split and checked: each part is a name or a number. */
export interface UserSpec {
  readonly user: string;
  readonly group?: string;
}

/** Who named the user, for the errors. */
export interface UserOrigin {
  /** Such as `USER of the builder image`. */
  readonly what: string;
  /** Whether the user typed it or an image says it. */
  readonly from: 'user' | 'image';
}

/** The origin of an image's own user. */
export const userOfImage: UserOrigin = { what: 'USER of the image', from: 'image' };

/** The largest id that every tool takes for a positive number. */
export const maxId = 2 ** 31 - 2;

/** The most bytes of a passwd or group file that are worth reading. */
export const maxAccountFileSize = 1024 * 1024;

/**
 * Splits `user[:group]`; an empty text means root.
 *
 * @throws BuildError `IMAGE_CONFIG_INVALID` (from an image), `USAGE_INVALID`
 */
export function parseUserSpec(text: string, origin: UserOrigin = userOfImage): UserSpec {
  if (text === '') return { user: '0' };
  const [user = '', group, more] = text.split(':');
  if (more !== undefined) refuse(text, origin, 'it has more than one ":"');
  checkPart(text, user, origin);
  if (group === undefined) return { user };
  checkPart(text, group, origin);
  return { user, group };
}

/**
 * Looks a user up in the text of an image's account files.
 *
 * @throws BuildError `IMAGE_CONFIG_INVALID`, `USAGE_INVALID` (malformed), `BUILDER_INVALID` (an unknown name)
 */
export function resolveUser(
  text: string,
  passwd: string,
  group: string,
  origin: UserOrigin = userOfImage,
): ResolvedUser {
  const spec = parseUserSpec(text, origin);
  const account = findAccount(passwd, spec.user);
  if (account === undefined && !isNumber(spec.user)) throw unknown('user', spec.user, origin);
  const uid = account?.uid ?? Number(spec.user);
  const facts = account === undefined ? {} : { home: account.home, name: account.name };
  if (spec.group !== undefined) {
    const gid = groupId(group, spec.group, origin);
    return { uid, gid, additionalGids: [gid], ...facts };
  }
  const gid = account?.gid ?? 0;
  const further = account === undefined ? [] : groupsOf(group, account.name);
  return { uid, gid, additionalGids: [...new Set([gid, ...further])], ...facts };
}

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

function findAccount(passwd: string, wanted: string): Account | undefined {
  const number = isNumber(wanted) ? Number(wanted) : undefined;
  for (const line of linesOf(passwd)) {
    const [name = '', , uid = '', gid = '', , home = ''] = line.split(':');
    const valid = name !== '' && isId(uid) && isId(gid);
    if (valid && (name === wanted || Number(uid) === number)) {
      return { name, uid: Number(uid), gid: Number(gid), home: home.startsWith('/') ? home : '/' };
    }
  }
  return undefined;
}

function groupId(file: string, wanted: string, origin: UserOrigin): number {
  for (const line of linesOf(file)) {
    const [name = '', , gid = ''] = line.split(':');
    if (name === wanted && isId(gid)) return Number(gid);
  }
  if (isNumber(wanted)) return Number(wanted);
  throw unknown('group', wanted, origin);
}

function groupsOf(file: string, member: string): readonly number[] {
  const gids = linesOf(file).flatMap((line) => {
    const [, , gid = '', members = ''] = line.split(':');
    return isId(gid) && members.split(',').includes(member) ? [Number(gid)] : [];
  });
  return [...new Set(gids)];
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').map((line) => line.trim());
}

function checkPart(text: string, part: string, origin: UserOrigin): void {
  if (/^\d+$/.test(part)) {
    if (!isId(part)) refuse(text, origin, `ids go from 0 to ${maxId}`);
  } else if (!/^[A-Za-z_][A-Za-z0-9_.@-]{0,254}\$?$/.test(part)) {
    refuse(
      text,
      origin,
      part === '' ? 'a part of it is empty' : 'it is neither a name nor a number',
    );
  }
}

function isNumber(part: string): boolean {
  return /^\d+$/.test(part);
}

function isId(part: string): boolean {
  return /^\d{1,10}$/.test(part) && Number(part) <= maxId;
}

function refuse(text: string, origin: UserOrigin, why: string): never {
  const code: ErrorCode = origin.from === 'image' ? 'IMAGE_CONFIG_INVALID' : 'USAGE_INVALID';
  throw new BuildError(
    code,
    `${origin.what} is not a user: "${displayText(text.slice(0, 80))}": ${why}`,
    {
      ...(origin.from === 'image' ? { origin: 'builder' as const } : {}),
      suggestion: 'write it as uid, uid:gid, name or name:group',
    },
  );
}

function unknown(kind: 'user' | 'group', name: string, origin: UserOrigin): BuildError {
  const file = kind === 'user' ? '/etc/passwd' : '/etc/group';
  return new BuildError(
    'BUILDER_INVALID',
    `${origin.what} names the ${kind} ${displayText(name)}, which is not in ${file} of the image`,
    {
      origin: 'builder',
      suggestion: `name a ${kind} that the image has, or a number`,
    },
  );
}
