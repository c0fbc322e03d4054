/**
 * Why an archive is refused, told by the parts of the codec that do not know which archive it is.
 * {@link TarReader} turns a fault into a BuildError; faults never leave this folder.
 */

import { BuildError } from '../errors/index.ts';
import { type ByteString, displayBytes } from '../model/index.ts';

/** A refusal without its context. */
export class TarFault extends Error {
  readonly code: 'TAR_INVALID' | 'LIMIT_EXCEEDED';

  constructor(code: 'TAR_INVALID' | 'LIMIT_EXCEEDED', reason: string) {
    super(reason);
    this.code = code;
  }
}

/** Makes the fault of an archive that breaks the format or can be read in two ways. */
export function invalid(reason: string): TarFault {
  return new TarFault('TAR_INVALID', reason);
}

/** Makes the fault of an archive that asks for too much. */
export function overLimit(thing: string, limit: number): TarFault {
  return new TarFault('LIMIT_EXCEEDED', `${thing} (limit ${limit})`);
}

/** Where in which archive a fault was found. */
export interface FaultPlace {
  /** What the archive is to the user: "layer sha256:...", "archive on stdin". */
  readonly what: string;
  /** Byte offset of the header being read. */
  readonly offset: number;
  /** The entry being read, where its name is known. */
  readonly path: ByteString | undefined;
}

/** Turns a fault into the error that leaves the codec; passes anything else through. */
export function explain(thrown: unknown, place: FaultPlace): unknown {
  if (!(thrown instanceof TarFault)) return thrown;
  const entry = place.path === undefined ? '' : `entry ${quoteName(place.path)}: `;
  const verdict =
    thrown.code === 'TAR_INVALID' ? 'is not a valid tar archive' : 'is beyond what is accepted';
  const text = `${place.what} ${verdict}: ${entry}${thrown.message} (header at byte ${place.offset})`;
  return new BuildError(thrown.code, text, {
    suggestion:
      thrown.code === 'TAR_INVALID'
        ? 'the archive is damaged or was written by a faulty program: make or fetch it again'
        : 'an honest archive stays far below this limit: check where it comes from',
    details: { offset: place.offset },
  });
}

const longestShownName = 200;

/** Returns a name as messages show it: in quotes, escaped, and cut where it is endless. */
export function quoteName(name: ByteString): string {
  const isLong = name.length > longestShownName;
  const shown = isLong ? (name.slice(0, longestShownName) as ByteString) : name;
  return `"${displayBytes(shown)}"${isLong ? '...' : ''}`;
}
