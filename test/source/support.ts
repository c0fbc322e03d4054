/** What the source tests share: directories that go away, repositories made on the spot, a recording reporter. */

import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { BuildError } from '../../src/errors/index.ts';
import type { BuildEvent } from '../../src/events/index.ts';
import {
  openSource,
  parseSource,
  type SourceDeps,
  type SourceOptions,
  type SourceRequest,
  type SourceTree,
} from '../../src/source/index.ts';

const run = promisify(execFile);

/** Anything with tap's teardown. */
export interface Cleanup {
  teardown(work: () => unknown): void;
}

/** Makes a directory that is removed at the end of the test. */
export async function temporaryDirectory(t: Cleanup): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 's2oci-source-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Writes files by relative path, and their directories. */
export async function writeFiles(
  root: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

/** Lists the files below a directory, without `.git`, sorted. */
export async function listFiles(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((path) => !/(^|\/)\.git(\/|$)/.test(path))
    .toSorted();
}

/** The environment in which fixtures are made: nobody's configuration, fixed names and times. */
export const gitEnv: Readonly<Record<string, string>> = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Ada Author',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_AUTHOR_DATE: '2026-11-20T17:22:03Z',
  GIT_COMMITTER_NAME: 'Carl Committer',
  GIT_COMMITTER_EMAIL: 'carl@example.com',
  GIT_COMMITTER_DATE: '2026-11-20T18:00:00Z',
};

/** The committer's time of every fixture commit, in seconds. */
export const commitTime = 1_795_197_600;

/** Runs git for a fixture and returns what it printed. */
export async function git(cwd: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run('git', ['-c', 'protocol.file.allow=always', ...args], {
    cwd,
    env: gitEnv,
  });
  return stdout.trim();
}

/** Makes a repository with one commit on `main`. */
export async function makeRepository(
  root: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  await mkdir(root, { recursive: true });
  await git(root, 'init', '--quiet', '--initial-branch=main');
  return await commitFiles(root, files, 'First commit');
}

/** Adds a commit and returns its id. */
export async function commitFiles(
  root: string,
  files: Readonly<Record<string, string>>,
  message: string,
): Promise<string> {
  await writeFiles(root, files);
  await git(root, 'add', '--all', '--force');
  await git(root, 'commit', '--quiet', '--allow-empty', '-m', message);
  return await git(root, 'rev-parse', 'HEAD');
}

/** Ports for a test, and what was reported through them. */
export interface Opened {
  readonly deps: SourceDeps;
  readonly events: BuildEvent[];
  /** Messages of a level. */
  messages(level: 'debug' | 'info' | 'warning'): readonly string[];
}

/** Makes ports with a scratch directory of their own. */
export async function makeDeps(t: Cleanup, overrides: Partial<SourceDeps> = {}): Promise<Opened> {
  const events: BuildEvent[] = [];
  const deps: SourceDeps = {
    scratchDir: await temporaryDirectory(t),
    stdin: Readable.from([]),
    reporter: { emit: (event) => void events.push(event) },
    now: () => 0,
    env: { PATH: process.env['PATH'], HOME: '/nonexistent' },
    retryDelayMilliseconds: 1,
    ...overrides,
  };
  return {
    deps,
    events,
    messages: (level) =>
      events.flatMap((event) =>
        event.type === 'log' && event.level === level ? [event.message] : [],
      ),
  };
}

/** Parses and opens a source; it is disposed at the end of the test. */
export async function open(
  t: Cleanup,
  source: string,
  options: SourceOptions &
    Omit<SourceRequest, 'spec'> & { readonly deps?: Partial<SourceDeps> } = {},
): Promise<SourceTree & { readonly ports: Opened }> {
  const { deps, ...rest } = options;
  const ports = await makeDeps(t, deps);
  const tree = await openSource(ports.deps, { spec: parseSource(source, rest), ...rest });
  t.teardown(() => tree[Symbol.asyncDispose]());
  return Object.assign(tree, { ports });
}

/** The error that a promise or function ends with; undefined when it does not. */
export async function failure(
  work: Promise<unknown> | (() => unknown),
): Promise<BuildError | undefined> {
  try {
    await (typeof work === 'function' ? work() : work);
    return undefined;
  } catch (error) {
    if (error instanceof BuildError) return error;
    throw error;
  }
}

/** What a git server does beside serving. */
export interface GitServerOptions {
  /** `user:password` that is asked for. */
  readonly authorization?: string;
  /** Serves files only, as a plain web server does ("dumb" http). */
  readonly plainFiles?: boolean;
  /** Answers the first so many requests with status 503. */
  readonly failures?: number;
}

/** A git server on loopback. */
export interface GitServer {
  /** Address of a repository below the root. */
  url(path: string, credentials?: string): string;
  readonly requests: { readonly path: string; readonly authorization: string | undefined }[];
}

/** Serves the repositories below a directory over http. */
export async function serveGit(
  t: Cleanup,
  root: string,
  options: GitServerOptions = {},
): Promise<GitServer> {
  const requests: GitServer['requests'] = [];
  let failures = options.failures ?? 0;
  const expected = `Basic ${Buffer.from(options.authorization ?? '').toString('base64')}`;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    requests.push({ path: url.pathname, authorization: request.headers.authorization });
    if (failures > 0) {
      failures -= 1;
      response.writeHead(503).end('busy');
    } else if (options.authorization !== undefined && request.headers.authorization !== expected) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    } else runBackend(root, url, request, response, options.plainFiles === true);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  return {
    requests,
    url: (path, credentials) =>
      `http://${credentials === undefined ? '' : `${credentials}@`}127.0.0.1:${port}/${path}`,
  };
}

function runBackend(
  root: string,
  url: URL,
  request: import('node:http').IncomingMessage,
  response: import('node:http').ServerResponse,
  plainFiles: boolean,
): void {
  const service = plainFiles ? '' : url.search.slice(1);
  const child = spawn('git', ['http-backend'], {
    env: {
      ...gitEnv,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: url.pathname,
      QUERY_STRING: service,
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_USER: 'tester',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(child.stdin);
  child.stdin.on('error', () => {});
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('close', () => sendCgi(Buffer.concat(chunks), response));
}

function sendCgi(output: Buffer, response: import('node:http').ServerResponse): void {
  const end = output.indexOf('\r\n\r\n');
  for (const line of output.subarray(0, Math.max(end, 0)).toString().split('\r\n')) {
    const [name = '', value = ''] = line.split(': ');
    if (name === 'Status') response.statusCode = Number.parseInt(value, 10);
    else if (name !== '') response.setHeader(name, value);
  }
  response.end(output.subarray(end + 4));
}
