/**
 * Every way in which readers are known to part, and why. A difference that no line here explains fails the
 * differential test.
 */

import type { PlainEntry, PlainReading } from './peers.ts';
import type { Trait } from './traits.ts';

/** A reason for which our reader refuses, by its message, and whether Go refuses the same. */
export interface Refusal {
  readonly message: RegExp;
  readonly go: 'refuses' | 'accepts' | 'depends';
  readonly why: string;
}

/** Every reason for which our reader refuses. */
export const refusals: readonly Refusal[] = [
  { message: /header checksum is wrong/, go: 'refuses', why: 'it is no header' },
  {
    message: /number field is not octal/,
    go: 'refuses',
    why: 'others read up to the first odd byte, or take it for 0',
  },
  {
    message: /number field has text after the number/,
    go: 'refuses',
    why: 'others read up to the first odd byte',
  },
  { message: /number field overflows/, go: 'refuses', why: 'it has more than 64 bits' },
  { message: /decimal number overflows/, go: 'refuses', why: 'it has more than 64 bits' },
  { message: /time is malformed/, go: 'refuses', why: 'it is no decimal number' },
  {
    message: /zero block stands between/,
    go: 'refuses',
    why: 'readers disagree on whether one zero block is the end',
  },
  {
    message: /the archive is cut off/,
    go: 'refuses',
    why: 'a member is incomplete; others end silently',
  },
  {
    message: /extended header record has (?:no|a wrong)/,
    go: 'refuses',
    why: 'others skip malformed records',
  },
  { message: /sparse map/, go: 'refuses', why: 'map and content do not fit one another' },
  {
    message: /sparse file has no GNU header/,
    go: 'refuses',
    why: 'star has the same type with another layout',
  },
  { message: /extended header is too long/, go: 'refuses', why: 'the limit is that of Go' },
  {
    message: /size is negative/,
    go: 'depends',
    why: 'Go lets it pass where the type has no content',
  },
  {
    message: /record has a NUL byte/,
    go: 'depends',
    why: 'Go lets it pass in the name of a sparse file',
  },
  {
    message: /only a file can be sparse/,
    go: 'depends',
    why: 'Go lets it pass for GNU directory listings',
  },
  {
    message: /decimal number is malformed/,
    go: 'depends',
    why: 'Go takes a plus sign, and an empty size for none',
  },
  {
    message: /entry type 0x/,
    go: 'accepts',
    why: 'Go hands unknown types on; whoever unpacks layers with it refuses them',
  },
  {
    message: /[ug]id -?\d+ is out of range/,
    go: 'accepts',
    why: 'chown takes it for another id, or for "unchanged"',
  },
  { message: /mode is negative/, go: 'accepts', why: 'no file has such a mode' },
  {
    message: /device number -?\d+ is out of range/,
    go: 'accepts',
    why: 'no device has such a number',
  },
  {
    message: /number -?\d+ is too large/,
    go: 'accepts',
    why: 'no file is so large, and a JavaScript number is not exact',
  },
  {
    message: /path is too (?:long|deep)|path has too long a component|link target is too long/,
    go: 'accepts',
    why: 'no file system takes it',
  },
  { message: /too many records/, go: 'accepts', why: 'nobody writes so many' },
  {
    message: /entry has no name/,
    go: 'accepts',
    why: 'it names nothing, or the root, depending on who reads',
  },
  { message: /link has no target/, go: 'accepts', why: 'such a link cannot be made' },
  {
    message: /global header stands between/,
    go: 'accepts',
    why: 'Go drops the extended header before it, others keep it',
  },
  {
    message: /sparse file has no map|sparse file format is unknown/,
    go: 'accepts',
    why: 'Go takes it for a dense file, others do not',
  },
  { message: /extended attribute has no name/, go: 'accepts', why: 'it cannot be set' },
  { message: /too much content/, go: 'depends', why: 'it is beyond the limit of this test' },
];

/** The first difference between two readings. */
export interface Difference {
  readonly kind: 'entries' | 'count' | 'only they refuse' | 'only we refuse';
  /** The fields that differ in the first pair of unequal entries. */
  readonly fields: readonly (keyof PlainEntry)[];
  readonly detail: string;
}

/** Compares two readings up to the first difference. */
export function compare(
  ours: PlainReading,
  theirs: PlainReading,
  fields: readonly (keyof PlainEntry)[],
): Difference | undefined {
  const common = Math.min(ours.entries.length, theirs.entries.length);
  for (let index = 0; index < common; index++) {
    const differing = fields.filter(
      (field) => text(ours.entries[index]?.[field]) !== text(theirs.entries[index]?.[field]),
    );
    if (differing.length > 0)
      return {
        kind: 'entries',
        fields: differing,
        detail: `entry ${index}: ${differing.join(' ')}`,
      };
  }
  const difference = (kind: Difference['kind'], detail: string) => ({ kind, fields: [], detail });
  if (ours.refusal !== undefined)
    return theirs.refusal === undefined ? difference('only we refuse', ours.refusal) : undefined;
  if (theirs.refusal !== undefined) return difference('only they refuse', theirs.refusal);
  if (ours.entries.length === theirs.entries.length) return undefined;
  return difference('count', `${ours.entries.length} and ${theirs.entries.length} entries`);
}

/** Finds the lines of a peer's table that together explain a difference in an archive with these traits. */
export function explainPeer(
  difference: Difference,
  traits: ReadonlySet<Trait>,
  rules: readonly PeerRule[],
): readonly PeerRule[] {
  const candidates = rules.filter(({ trait }) => traits.has(trait));
  const whole = candidates.find(({ fields }) => fields === undefined);
  if (whole !== undefined) return [whole];
  const used = candidates.filter(({ fields }) =>
    difference.fields.some((field) => fields?.includes(field)),
  );
  const explained = difference.fields.every((field) =>
    used.some(({ fields }) => fields?.includes(field)),
  );
  return difference.kind === 'entries' && explained ? used : [];
}

function text(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** How a peer reads something that an archive has, where that is not how Go reads it. */
export interface PeerRule {
  readonly trait: Trait;
  /** The fields that may differ; any outcome is explained where absent. */
  readonly fields?: readonly (keyof PlainEntry)[];
  readonly why: string;
}

const global: PeerRule = {
  trait: 'a global header',
  why: 'applies it to later entries; for Go it is an entry of its own',
};
const stacked: PeerRule = {
  trait: 'several extensions of one entry',
  why: 'merges them; for Go the last of a kind counts alone',
};
const nothing: PeerRule = { trait: 'no entries', why: 'calls it no archive, or damaged' };
const foreign: PeerRule = {
  trait: 'ustar fields in another format',
  why: 'takes prefix and device numbers from headers that have none',
};
const dangling: PeerRule = { trait: 'an extension without an entry', why: 'calls it damaged' };
const longName: PeerRule = {
  trait: 'an odd GNU long name',
  why: 'takes an empty name for the name, or reads beyond the size',
};
const sparse: PeerRule = {
  trait: 'a sparse file',
  why: 'takes maps that do not fit the content, or reads none',
};
const slash: PeerRule = {
  trait: 'a name with a final slash that is no directory',
  why: 'decides by the slash of the header, not of the final name',
};
const emptyRecord: PeerRule = {
  trait: 'an empty pax record',
  why: 'takes it for an empty name, or for 0',
};

/** Where Python's tarfile parts from Go's reader. */
export const pythonRules: readonly PeerRule[] = [
  global,
  stacked,
  nothing,
  foreign,
  dangling,
  longName,
  sparse,
  slash,
  emptyRecord,
  { trait: 'a name of slashes only', fields: ['path'], why: 'strips all slashes' },
  { trait: 'a GNU directory listing', why: 'takes it for a file' },
];

/** Where GNU tar's listing parts from Go's reader. */
export const gnuTarRules: readonly PeerRule[] = [
  global,
  stacked,
  nothing,
  foreign,
  dangling,
  longName,
  sparse,
  slash,
  emptyRecord,
  { trait: 'a base-256 number', why: 'refuses negative ids, also where pax overrides them' },
  {
    trait: 'a size where there is no content',
    why: 'skips content all the same, except after hard links',
  },
  {
    trait: 'a time before the epoch',
    fields: ['mtime'],
    why: 'shows the second after, with a fraction',
  },
];

/** Where tar-stream parts from Go's reader. */
export const tarStreamRules: readonly PeerRule[] = [
  global,
  stacked,
  nothing,
  foreign,
  dangling,
  longName,
  sparse,
  slash,
  emptyRecord,
  { trait: 'an extension of size 0', why: 'takes the next header for its content' },
  {
    trait: 'a size where there is no content',
    why: 'waits for it for ever, or takes the next header for it',
  },
  { trait: 'bytes after the end', why: 'reads on after the end marker' },
  {
    trait: 'a pax number',
    fields: ['uid', 'gid', 'mtime'],
    why: 'does not read ids and times from pax',
  },
  { trait: 'an odd number', why: 'takes what it cannot read for 0' },
  {
    trait: 'a base-256 number',
    fields: ['mode', 'uid', 'gid', 'mtime'],
    why: 'reads negative numbers and large times wrongly',
  },
  { trait: 'a GNU directory listing', why: 'knows no such type' },
  {
    trait: 'a name that is not UTF-8',
    fields: ['path', 'linkName'],
    why: 'replaces what is not UTF-8',
  },
];
