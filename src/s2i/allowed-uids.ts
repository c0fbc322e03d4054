/** The policy `--allowed-uids`: which numeric users may run assemble. */

import { BuildError } from '../errors/index.ts';
import { displayText } from '../model/index.ts';
import { maxId } from './user.ts';

/** One range of user ids, both ends included. */
export interface UidRange {
  readonly from: number;
  readonly to: number;
}

/** The users that a build could run as, as they are written. */
export interface BuildUsers {
  /** `--assemble-user`. */
  readonly flag?: string;
  /** The label of the builder image. */
  readonly label?: string;
  /** `User` of the builder image. */
  readonly image: string;
  /** ONBUILD instructions of the builder image. */
  readonly onBuild?: readonly string[];
  /** Whose users they are; the builder image's when absent. */
  readonly of?: 'builder' | 'runtime';
}

/** What the places are called in which a user can be named. */
const names = {
  builder: {
    flag: '--assemble-user',
    label: 'the assemble-user label of the builder image',
    image: 'USER of the builder image',
  },
  runtime: {
    flag: '--assemble-runtime-user',
    label: 'the assemble-runtime-user label of the runtime image',
    image: 'USER of the runtime image',
  },
} as const;

/**
 * Parses `n`, `n-`, `-n` and `n-m`, separated by commas. An empty text gives no ranges, which allows everyone.
 *
 * @throws BuildError `USAGE_INVALID`
 */
export function parseUidRanges(text: string): readonly UidRange[] {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  return parts.map((part) => {
    const match = /^(\d{0,10})(-?)(\d{0,10})$/.exec(part);
    const [, first = '', dash = '', last = ''] = match ?? [];
    const from = Number(first);
    const to = dash === '' ? from : last === '' ? maxId : Number(last);
    if (match === null || (first === '' && last === '') || from > to || to > maxId) {
      throw new BuildError(
        'USAGE_INVALID',
        `not a range of user ids: "${displayText(part.slice(0, 80))}"`,
        {
          suggestion: 'write a list such as 1-, or 1000-2000,3000',
        },
      );
    }
    return { from, to };
  });
}

/**
 * Checks every user that the build will run as: those of ONBUILD instructions, then the one of assemble, which is the
 * flag's (a bare number), else the label's, else the image's own.
 *
 * @throws BuildError `USER_NOT_ALLOWED`
 */
export function checkAllowedUids(ranges: readonly UidRange[], users: BuildUsers): void {
  if (ranges.length === 0) return;
  const called = names[users.of ?? 'builder'];
  for (const user of onBuildUsers(users.onBuild ?? [])) {
    if (!isAllowed(ranges, withoutGroup(user)))
      throw notAllowed(user, 'an ONBUILD instruction of the builder image');
  }
  if (given(users.flag)) {
    if (!isAllowed(ranges, users.flag)) throw notAllowed(users.flag, called.flag);
  } else if (given(users.label)) {
    if (!isAllowed(ranges, withoutGroup(users.label))) throw notAllowed(users.label, called.label);
  } else if (!isAllowed(ranges, withoutGroup(users.image))) {
    throw notAllowed(users.image, called.image);
  }
}

/** The user of assemble as written: the flag's, else the label's, else the image's. */
export function assembleUserOf(users: BuildUsers): {
  readonly user: string;
  readonly what: string;
  readonly from: 'user' | 'image';
} {
  const called = names[users.of ?? 'builder'];
  if (given(users.flag)) return { user: users.flag, what: called.flag, from: 'user' };
  if (given(users.label)) return { user: users.label, what: called.label, from: 'image' };
  return { user: users.image, what: called.image, from: 'image' };
}

function onBuildUsers(instructions: readonly string[]): readonly string[] {
  return instructions.flatMap((instruction) => {
    const match = /^\s*USER\s+(.*)$/i.exec(instruction);
    return match === null ? [] : [(match[1] ?? '').trim()];
  });
}

function isAllowed(ranges: readonly UidRange[], user: string): boolean {
  if (!/^\d{1,10}$/.test(user)) return false;
  return ranges.some(({ from, to }) => Number(user) >= from && Number(user) <= to);
}

function withoutGroup(user: string): string {
  return user.split(':', 1)[0] ?? '';
}

function given(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

function notAllowed(user: string, what: string): BuildError {
  const shown =
    user === '' ? 'no user, which means root' : `the user "${displayText(user.slice(0, 80))}"`;
  return new BuildError(
    'USER_NOT_ALLOWED',
    `${what} names ${shown}: --allowed-uids does not allow it`,
    {
      origin: 'builder',
      suggestion:
        'use a builder image with a numeric USER in the allowed range, or give one with --assemble-user',
    },
  );
}
