/**
 * Turns a source argument into a {@link SourceSpec}: pure, without looking at disk or network.
 *
 * | text | kind |
 * |---|---|
 * | `-` | tar stream on standard input |
 * | `scheme://...`, `transport::address`, `[user@]host:path` | git |
 * | `file:///abs`, any other path, both with `#ref` | local: directory or archive |
 */

import { normalize } from 'node:path/posix';
import { fileURLToPath } from 'node:url';
import { BuildError } from '../errors/index.ts';
import {
  invalid,
  isUrlForm,
  type ParsedLocation,
  parseScp,
  parseUrl,
  rejectUnprintable,
  splitFragment,
} from './location.ts';
import { parseRef } from './ref.ts';
import type { GitProtocol, LocalSourceSpec, SourceSpec } from './types.ts';

/** What the user asked for beside the source itself. Empty strings count as absent. */
export interface SourceOptions {
  /** Wins over a `#fragment`. */
  readonly ref?: string;
  readonly contextDir?: string;
  /** Take the files of a local directory as they are, even if it is a repository: the default, said aloud. */
  readonly copy?: boolean;
  /** Take what is committed in a local repository instead of its working tree. */
  readonly gitHead?: boolean;
  readonly protocols?: readonly GitProtocol[];
}

/** The protocols git may use unless told otherwise; `file` only ever for a path that the user typed. */
export const defaultProtocols: readonly GitProtocol[] = ['https', 'http', 'ssh'];

/**
 * Parses a source argument.
 *
 * @throws BuildError `SOURCE_INVALID`, `PATH_UNSAFE` (context directory), `USAGE_INVALID` (options that contradict)
 */
export function parseSource(text: string, options: SourceOptions = {}): SourceSpec {
  if (text === '') invalid(text, 'it is empty');
  if (text.includes('\0')) invalid(text, 'it holds a control character');
  const selection = {
    ...(given(options.ref) === undefined ? {} : { ref: parseRef(options.ref ?? '') }),
    ...contextOf(options.contextDir),
  };
  if (text === '-')
    return {
      kind: 'stream',
      location: '-',
      ...contextOf(options.contextDir),
      ...noRef(selection.ref),
    };
  const allowed = options.protocols ?? defaultProtocols;
  if (isUrlForm(text)) {
    return /^file:/i.test(text)
      ? fileUrl(text, options, selection)
      : gitSpec(parseUrl(text, allowed), selection);
  }
  const scp = parseScp(text, allowed);
  return scp === undefined ? localPath(text, options, selection) : gitSpec(scp, selection);
}

interface Selection {
  readonly ref?: string;
  readonly contextDir?: string;
}

function gitSpec(parsed: ParsedLocation, selection: Selection): SourceSpec {
  return {
    kind: 'git',
    git: parsed.git,
    location: parsed.location,
    ...fragmentRef(parsed.fragment),
    ...selection,
  };
}

function fileUrl(text: string, options: SourceOptions, selection: Selection): LocalSourceSpec {
  rejectUnprintable(text);
  const { before, fragment } = splitFragment(text);
  const url = URL.parse(before);
  if (url === null || url.host !== '' || !/^file:\/\/\//i.test(before)) {
    invalid(text, 'a file URL holds an absolute path and no host');
  }
  if (url.search !== '') invalid(text, 'a file URL has no query');
  const path = fileURLToPath(url);
  return localSpec({ location: before, path, literalPath: path, fragment }, options, selection);
}

function localPath(text: string, options: SourceOptions, selection: Selection): LocalSourceSpec {
  if (text.startsWith('-')) invalid(text, 'a path that begins with "-" is written ./-...');
  const { before, fragment } = splitFragment(text);
  if (before === '') invalid(text, 'it has no path');
  return localSpec(
    { location: before, path: before, literalPath: text, fragment },
    options,
    selection,
  );
}

function localSpec(
  parsed: Pick<LocalSourceSpec, 'location' | 'path' | 'literalPath'> & {
    fragment: string | undefined;
  },
  options: SourceOptions,
  selection: Selection,
): LocalSourceSpec {
  const { fragment, ...paths } = parsed;
  const ref = selection.ref ?? (options.copy === true ? undefined : fragmentRef(fragment).ref);
  if (options.copy === true && (options.gitHead === true || ref !== undefined)) {
    throw new BuildError(
      'USAGE_INVALID',
      'copying files as they are excludes a git ref or --git-head',
      {
        suggestion:
          'leave out --copy to build what is committed, or --ref to build what is on disk',
      },
    );
  }
  return {
    kind: 'local',
    ...paths,
    content: options.gitHead === true || ref !== undefined ? 'head' : 'tree',
    ...(ref === undefined ? {} : { ref }),
    ...(selection.contextDir === undefined ? {} : { contextDir: selection.contextDir }),
  };
}

function noRef(ref: string | undefined): Record<never, never> {
  if (ref === undefined) return {};
  throw new BuildError('USAGE_INVALID', 'a tar stream has no git refs', {
    suggestion: 'leave out --ref',
  });
}

function fragmentRef(fragment: string | undefined): { ref?: string } {
  return fragment === undefined ? {} : { ref: parseRef(fragment) };
}

function contextOf(text: string | undefined): { contextDir?: string } {
  const wanted = given(text);
  if (wanted === undefined) return {};
  const contextDir = parseContextDir(wanted);
  return contextDir === '.' ? {} : { contextDir };
}

/**
 * Cleans a context directory; `.` and `/` mean the whole source.
 *
 * @throws BuildError `PATH_UNSAFE` for absolute paths, `..` anywhere, control characters
 */
function parseContextDir(text: string): string {
  if (text === '/') return '.';
  const parts = text.split('/');
  if (text.startsWith('/') || parts.includes('..') || /[\u0000-\u001f\u007f]/.test(text)) {
    throw new BuildError(
      'PATH_UNSAFE',
      `not a context directory: ${JSON.stringify(text.slice(0, 200))}: it must be a relative path without ".."`,
      {
        origin: 'source',
        suggestion: 'name it relative to the root of the source, such as services/api',
      },
    );
  }
  return normalize(text).replace(/\/$/, '');
}

function given(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text;
}
