/**
 * What a source is before it is opened ({@link SourceSpec}) and after ({@link SourceTree}).
 *
 * A spec is plain data and comes from text alone; nothing of it was looked up. Credentials live only in
 * `GitLocation.authorization`, never in a field that is shown or stored.
 */

import type { IgnoreRules } from './ignore/rules.ts';

/** A remote git repository, its credentials apart from its address. */
export interface GitLocation {
  /** What git is given: no user name or password for http, no fragment; never begins with `-`. */
  readonly url: string;
  readonly protocol: GitProtocol;
  /** `user:password` for http, decoded. */
  readonly authorization?: string;
}

/** The protocols that can be allowed for git. `git` is plain text without authentication and off by default. */
export type GitProtocol = 'https' | 'http' | 'ssh' | 'file' | 'git';

/** Which part and version of a source is wanted; common to every kind. */
interface SourceSelection {
  /** The source as users read it in labels and messages: without credentials. */
  readonly location: string;
  /** Branch, tag, commit id or full ref name. */
  readonly ref?: string;
  /** The directory within the source that is built, relative, cleaned, without `..`. */
  readonly contextDir?: string;
}

/** A source that is to be fetched with git. */
export interface GitSourceSpec extends SourceSelection {
  readonly kind: 'git';
  readonly git: GitLocation;
}

/** A path of this machine: a directory, or a tar archive. */
export interface LocalSourceSpec extends SourceSelection {
  readonly kind: 'local';
  readonly path: string;
  /** The path as typed before a `#ref` was taken off it, for names that hold a `#` themselves. */
  readonly literalPath: string;
  /** `head`: what is committed, by a clone; `tree`: the files as they are on disk. */
  readonly content: 'tree' | 'head';
}

/** A tar archive on standard input. */
export interface StreamSourceSpec extends SourceSelection {
  readonly kind: 'stream';
}

/** A parsed source argument. */
export type SourceSpec = GitSourceSpec | LocalSourceSpec | StreamSourceSpec;

/** The commit that a source was taken from. */
export interface CommitInfo {
  /** The full object name. */
  readonly id: string;
  readonly authorName: string;
  readonly authorEmail: string;
  readonly committerName: string;
  readonly committerEmail: string;
  /** The author's date in git's default form, such as `Fri Nov 20 17:22:03 2026 +0000`. */
  readonly date: string;
  /** The whole first line of the message. */
  readonly subject: string;
  /** The committer's time, seconds since the epoch. */
  readonly time: number;
}

/** Where a source came from, for labels and reports. */
export interface SourceInfo {
  readonly location: string;
  readonly contextDir?: string;
  /** The ref as asked for, else the branch that was current, else `HEAD`. */
  readonly ref?: string;
  /** Absent unless the files are exactly those of a commit. */
  readonly commit?: CommitInfo;
  /** A repository's working tree that differs from its commit. */
  readonly modified?: boolean;
}

/** An opened source: a directory to read from until it is disposed. */
export interface SourceTree extends AsyncDisposable {
  /** The real path of the (context) directory. Only ever read. */
  readonly path: string;
  readonly info: SourceInfo;
  /** Commit time in seconds, when the files are exactly those of a commit. */
  readonly epoch?: number;
  /** What is left out of the build, as plain data; see `compileIgnore`. */
  readonly ignore: IgnoreRules;
}
