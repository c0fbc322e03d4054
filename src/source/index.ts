/** Source ingress: directories, git repositories, tar archives; and what of them is left out. */
export { extractArchive, readArchive } from './archive/extract.ts';
export type { SourceDeps } from './deps.ts';
export {
  type Download,
  type DownloadedFile,
  downloadFile,
  downloadToFile,
  type HttpAnswer,
  type HttpGet,
  type HttpReach,
} from './download.ts';
export type { Environment } from './git/environment.ts';
export type { GitCall, GitOutcome, GitRunner } from './git/runner.ts';
export { gitRunner } from './git/runner.ts';
export { type HashedEntry, type HashedSource, hashSource, stampSource } from './hash.ts';
export { compilePathPattern, hasWildcards, type PathPattern } from './ignore/glob.ts';
export type { IgnoreFile, IgnorePattern, IgnoreSyntax } from './ignore/parse.ts';
export { parseIgnoreFile } from './ignore/parse.ts';
export type { IgnoreMatcher, IgnoreRules } from './ignore/rules.ts';
export { compileIgnore, defaultExclude } from './ignore/rules.ts';
export { readSourceFile } from './inside.ts';
export { openSource } from './open.ts';
export type { SourceRequest } from './request.ts';
export { defaultProtocols, parseSource, type SourceOptions } from './spec.ts';
export type {
  CommitInfo,
  GitLocation,
  GitProtocol,
  GitSourceSpec,
  LocalSourceSpec,
  SourceInfo,
  SourceSpec,
  SourceTree,
  StreamSourceSpec,
} from './types.ts';
