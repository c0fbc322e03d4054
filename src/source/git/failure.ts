/** What went wrong when git failed, out of its own words (always in English: LC_ALL=C). */

import { BuildError, type ErrorCode } from '../../errors/index.ts';
import { displayText } from '../../model/index.ts';
import type { GitOutcome } from './runner.ts';

interface Cause {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly suggestion: string;
  readonly retryable?: boolean;
}

const causes: readonly Cause[] = [
  {
    pattern: /dubious ownership/,
    code: 'SOURCE_INVALID',
    suggestion:
      'the repository belongs to another user: run as that user, or leave out --git-head and --ref to build the files on disk',
  },
  {
    pattern: /transport '[^']*' not allowed/,
    code: 'SOURCE_INVALID',
    suggestion: 'use an https or ssh address',
  },
  {
    pattern:
      /Authentication failed|could not read (?:Username|Password)|Permission denied|HTTP 40[13]|returned error: 40[13]/,
    code: 'SOURCE_FETCH_FAILED',
    suggestion:
      'check the access: a credential helper or token for https, a key in the ssh agent for ssh',
  },
  {
    pattern: /Host key verification failed/,
    code: 'SOURCE_FETCH_FAILED',
    suggestion: 'add the key of the host to ~/.ssh/known_hosts after checking it',
  },
  {
    pattern:
      /[Rr]epository (?:'[^']*' )?not found|does not appear to be a git repository|does not exist|HTTP 404/,
    code: 'SOURCE_NOT_FOUND',
    suggestion: 'check the address of the repository and whether it is private',
  },
  {
    pattern: /fsck error|object corrupt|index-pack failed|inflate: data stream error/,
    code: 'SOURCE_INVALID',
    suggestion: 'the repository holds damaged or forged objects: run git fsck in it',
  },
  {
    pattern: /certificate|SSL|TLS/,
    code: 'SOURCE_FETCH_FAILED',
    suggestion: 'trust the server: set http.sslCAInfo in your git configuration or SSL_CERT_FILE',
  },
  {
    pattern:
      /[Cc]ould not resolve|Connection (?:refused|reset|timed out|closed)|timed out|Operation too slow|early EOF|unexpected disconnect|hung up|returned error: (?:429|5\d\d)|Failed to connect/,
    code: 'SOURCE_FETCH_FAILED',
    suggestion: 'check the network and the proxy settings (HTTPS_PROXY, NO_PROXY)',
    retryable: true,
  },
];

/** Makes the error for a run of git that failed. The message holds git's last words, escaped. */
export function gitFailure(what: string, outcome: GitOutcome): BuildError {
  const words = lastWords(outcome.stderr);
  const cause = causes.find(({ pattern }) => pattern.test(outcome.stderr));
  return new BuildError(cause?.code ?? 'SOURCE_FETCH_FAILED', `cannot ${what}: ${words}`, {
    origin: 'source',
    retryable: cause?.retryable ?? false,
    details: { gitExitCode: outcome.code },
    ...(cause === undefined ? {} : { suggestion: cause.suggestion }),
  });
}

function lastWords(stderr: string): string {
  const lines = stderr.split(/[\r\n]+/).map((line) => line.trim());
  const telling = lines.filter((line) => /^(?:fatal|error|ERROR|remote):/.test(line));
  const chosen = (telling.length > 0 ? telling : lines.filter((line) => line !== '')).slice(-3);
  return chosen.length === 0 ? 'git gave no reason' : displayText(chosen.join('; ').slice(0, 600));
}
