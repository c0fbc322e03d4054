/** Reads what a commit says about itself. */

import { BuildError } from '../../errors/index.ts';
import type { CommitInfo } from '../types.ts';
import type { GitCallOptions, GitSession } from './session.ts';

const fields = ['%H', '%an', '%ae', '%cn', '%ce', '%ad', '%ct', '%s'];

/**
 * Reads one commit.
 *
 * @param commit a name of ours or a full object name
 * @throws BuildError `SOURCE_FETCH_FAILED`, `SOURCE_INVALID`
 */
export async function readCommit(
  git: GitSession,
  commit: string,
  options: GitCallOptions,
): Promise<CommitInfo> {
  const args = [
    'log',
    '-1',
    '--no-show-signature',
    '--encoding=UTF-8',
    '--date=default',
    `--format=${fields.join('%x00')}`,
    commit,
    '--',
  ];
  const text = await git.output('read the commit', args, options);
  const [id, authorName, authorEmail, committerName, committerEmail, date, time, subject] = text
    .replace(/\n$/, '')
    .split('\0');
  if (id === undefined || time === undefined || !/^\d+$/.test(time) || subject === undefined) {
    throw new BuildError('SOURCE_INVALID', `commit ${commit} cannot be read`, { origin: 'source' });
  }
  return {
    id,
    authorName: authorName ?? '',
    authorEmail: authorEmail ?? '',
    committerName: committerName ?? '',
    committerEmail: committerEmail ?? '',
    date: date ?? '',
    subject,
    time: Number(time),
  };
}
