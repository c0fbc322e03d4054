/**
 * Nothing of the machine that the project is worked on gets into its files: no path of this checkout or
 * its neighbours, no host of a package mirror that this machine is set up with.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Check } from './check.ts';
import type { Project } from './project.ts';

/** Words that must not occur, with what they are. */
export interface Secret {
  readonly word: string;
  readonly what: string;
}

/** Looks for words of this machine in all files under version control. */
export const leaksCheck: Check = {
  name: 'leaks',
  run(project) {
    return findLeaks(project, [...machinePaths(project.root), ...mirrorHosts()]);
  },
};

const publicHosts = [
  'registry.npmjs.org',
  'deb.debian.org',
  'security.debian.org',
  'snapshot.debian.org',
  'deb.nodesource.com',
  'proxy.golang.org',
  'sum.golang.org',
  'pypi.org',
  'files.pythonhosted.org',
  'localhost',
];

const maxFileSize = 4 * 1024 * 1024;

/** Reports each file that holds one of the words. */
export function findLeaks(project: Project, secrets: readonly Secret[]) {
  const files = project.tracked();
  const problems = files.flatMap((path) => {
    const text = project.read(path) ?? '';
    if (text.length > maxFileSize) return [];
    return secrets
      .filter(({ word }) => text.includes(word))
      .map(({ word, what }) => `${path}:${lineOf(text, word)}: holds ${what}: ${word}`);
  });
  return { summary: `${files.length} files, ${secrets.length} words of this machine`, problems };
}

/** The checkout and its neighbours, except where the parent is a directory that every machine has. */
export function machinePaths(root: string): readonly Secret[] {
  const parent = dirname(root);
  const common = [
    '/',
    '/home',
    '/root',
    '/tmp',
    '/opt',
    '/srv',
    '/usr',
    '/var',
    dirname(homedir()),
  ];
  const neighbours = common.includes(parent)
    ? []
    : readdirSync(parent).map((name) => join(parent, name));
  const depth = (path: string) => path.split('/').length;
  return [...new Set([root, ...neighbours])]
    .filter((path) => depth(path) > 2)
    .map((word) => ({ word, what: 'a path of this machine' }));
}

function mirrorHosts(): readonly Secret[] {
  const settings = [
    join(homedir(), '.npmrc'),
    '/etc/npmrc',
    '/usr/etc/npmrc',
    '/etc/apt/sources.list',
  ]
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path, 'utf8'));
  const variables = Object.entries(process.env)
    .filter(([name]) => /registry|proxy|index/i.test(name))
    .map(([, value]) => value ?? '');
  const hosts = [...settings, ...variables].flatMap((text) =>
    [...text.matchAll(/https?:\/\/(?:[^\s/@]+@)?([a-z0-9.-]+)/gi)].map(([, host = '']) => host),
  );
  return [...new Set(hosts)]
    .filter((host) => !publicHosts.includes(host) && !host.startsWith('127.'))
    .map((word) => ({ word, what: 'the host of a package mirror' }));
}

function lineOf(text: string, word: string): number {
  return text.slice(0, text.indexOf(word)).split('\n').length;
}
