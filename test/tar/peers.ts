/** Other programs' readings of an archive, in one form. */

import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { extract, type Header } from 'tar-stream';
import { digestOf, type Reading } from './support.ts';

/** An entry as peers are compared on it; fields that a peer cannot tell are absent on both sides. */
export interface PlainEntry {
  readonly path: string;
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: bigint;
  readonly linkName: string;
  readonly device: string;
  readonly xattrs: Readonly<Record<string, string>>;
  /** Digest of a file's content. */
  readonly content: string;
}

/** What a peer made of an archive. */
export interface PlainReading {
  readonly entries: readonly PlainEntry[];
  readonly refusal: string | undefined;
}

/** Our own reading in the common form. */
export function plainReading(reading: Reading): PlainReading {
  return {
    refusal: reading.refusal?.message,
    entries: reading.entries.map((entry) => ({
      path: entry.path,
      type: entry.type,
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      size: entry.size,
      mtime: entry.mtime,
      linkName: entry.linkName,
      device: `${entry.deviceMajor},${entry.deviceMinor}`,
      xattrs: sorted([...entry.xattrs].map(([name, value]) => [name, latin1(value)])),
      content: entry.type === 'file' ? digestOf(entry.content) : '',
    })),
  };
}

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
/** Maps have no order that matters here, but are compared as text. */
function sorted(pairs: [string, string][]): Record<string, string> {
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const fromHex = (text: string) => Buffer.from(text, 'hex').toString('latin1');

interface ReportedEntry {
  readonly path: string;
  readonly flag: string;
  readonly link: string;
  readonly size: number;
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly seconds: string;
  readonly nanoseconds: number;
  readonly major: number;
  readonly minor: number;
  readonly xattrs: Readonly<Record<string, string>>;
  readonly content: string;
}

const types: Readonly<Record<string, string>> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  D: 'directory',
  '6': 'fifo',
};

function plainEntry(reported: ReportedEntry): PlainEntry {
  const flag = fromHex(reported.flag);
  const type = types[flag] ?? `type ${JSON.stringify(flag)}`;
  const isFile = type === 'file';
  const isDevice = type.endsWith('device');
  return {
    path: fromHex(reported.path).replace(/(?<=.)\/+$/s, ''),
    type,
    mode: Number(BigInt.asUintN(12, BigInt(reported.mode))),
    uid: reported.uid,
    gid: reported.gid,
    size: isFile ? reported.size : 0,
    mtime: BigInt(reported.seconds) * 1_000_000_000n + BigInt(reported.nanoseconds),
    linkName: type.endsWith('link') ? fromHex(reported.link) : '',
    device: isDevice ? `${reported.major},${reported.minor}` : '0,0',
    xattrs: sorted(
      Object.entries(reported.xattrs).map(([name, value]) => [fromHex(name), fromHex(value)]),
    ),
    content: isFile ? reported.content : '',
  };
}

/** Runs one of the programs in spec-fixtures/tar/readers over many archives. */
async function readByProgram(
  command: string,
  args: readonly string[],
  archives: readonly Buffer[],
): Promise<PlainReading[]> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const output = buffer(child.stdout);
  for (const archive of archives) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(archive.length);
    child.stdin.write(length);
    if (!child.stdin.write(archive)) await once(child.stdin, 'drain');
  }
  child.stdin.end();
  const lines = (await output).toString().trimEnd().split('\n');
  return lines.map((line) => {
    const { entries, error } = JSON.parse(line) as { entries: ReportedEntry[]; error: string };
    return { entries: entries.map(plainEntry), refusal: error === '' ? undefined : error };
  });
}

const readers = fileURLToPath(new URL('../../spec-fixtures/tar/readers/', import.meta.url));

/** Compiles the Go reader into a directory; undefined where there is no `go`. */
export async function compileGoReader(directory: string): Promise<string | undefined> {
  const program = `${directory}/reader`;
  const run = promisify(execFile);
  const version = await run('go', ['version'], { env: goEnvironment() }).catch(() => undefined);
  if (version === undefined) return undefined;
  await run('go', ['build', '-o', program, `${readers}reader.go`], { env: goEnvironment() });
  return program;
}

/** Finds the archives of the tests of Go's archive/tar; undefined where they are not installed. */
export async function goTestdata(): Promise<string | undefined> {
  const { stdout } = await promisify(execFile)('go', ['env', 'GOROOT'], { env: goEnvironment() });
  const directory = `${stdout.trim()}/src/archive/tar/testdata`;
  return existsSync(directory) ? directory : undefined;
}

function goEnvironment(): NodeJS.ProcessEnv {
  const path = `${process.env['PATH']}:/usr/local/go/bin:/usr/lib/go/bin`;
  return { ...process.env, PATH: path, GOTOOLCHAIN: 'local', GOFLAGS: '', GO111MODULE: 'off' };
}

/** Reads archives with a compiled Go reader. */
export function readByGo(program: string, archives: readonly Buffer[]): Promise<PlainReading[]> {
  return readByProgram(program, [], archives);
}

/** Reads archives with Python's tarfile. */
export function readByPython(archives: readonly Buffer[]): Promise<PlainReading[]> {
  return readByProgram('python3', [`${readers}reader.py`], archives);
}

/** Reads an archive with tar-stream; a parser that neither ends nor fails is taken to hang. */
export async function readByTarStream(archive: Buffer): Promise<PlainReading> {
  const entries: PlainEntry[] = [];
  const unlistedOption: object = { allowUnknownFormat: true };
  const parser = extract(unlistedOption);
  const end = new Promise<string | undefined>((resolve) => {
    parser.on('entry', (header, stream, next) => {
      const parts: Buffer[] = [];
      stream.on('data', (part) => parts.push(part as Buffer));
      stream.on('error', () => undefined);
      stream.on('end', () => {
        entries.push(tarStreamEntry(header, Buffer.concat(parts)));
        next();
      });
    });
    parser.on('finish', () => resolve(undefined));
    parser.on('error', (error) => resolve(error.message));
    // Everything in memory: a parser that is still alive after this many turns waits for what never comes.
    void waitTurns(200).then(() => resolve('hangs'));
  });
  parser.end(archive);
  const refusal = await end;
  parser.destroy();
  return { entries, refusal };
}

async function waitTurns(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function tarStreamEntry(header: Header, content: Buffer): PlainEntry {
  const isFile = header.type === 'file' || header.type === 'contiguous-file';
  const type = isFile ? 'file' : header.type === 'link' ? 'hardlink' : (header.type ?? 'none');
  const seconds = Math.floor(Number(header.mtime ?? 0) / 1000);
  const utf8 = (text: string | null | undefined) => Buffer.from(text ?? '').toString('latin1');
  return {
    path: utf8(header.name).replace(/(?<=.)\/+$/s, ''),
    type,
    mode: header.mode ?? 0,
    uid: header.uid ?? 0,
    gid: header.gid ?? 0,
    size: isFile ? (header.size ?? 0) : 0,
    mtime: BigInt(Number.isNaN(seconds) ? 2 ** 63 : seconds) * 1_000_000_000n,
    linkName: type.endsWith('link') ? utf8(header.linkname) : '',
    device: type.endsWith('device') ? `${header.devmajor},${header.devminor}` : '0,0',
    xattrs: {},
    content: isFile ? digestOf(content) : '',
  };
}

const listingLine =
  /^(.)([-rwxsStT]{9}) (-?\d+)\/(-?\d+) +(\d+)(?:,(\d+))? (-?\d+)-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)\S* +"((?:[^"\\]|\\.)*)"(?:(?: -> | link to )"((?:[^"\\]|\\.)*)")?/;

/** Lists an archive with GNU tar, which shows neither contents nor extended attributes. */
export function listByGnuTar(archive: Buffer): PlainReading {
  const args = ['--numeric-owner', '--full-time', '--quoting-style=c', '-tPvf', '-'];
  const env = { PATH: '/usr/bin:/bin', TZ: 'UTC', LC_ALL: 'C' };
  const { stdout, stderr, status } = spawnSync('tar', args, {
    input: archive,
    env,
    encoding: 'latin1',
  });
  const lines = stdout.split('\n').filter((line) => line !== '');
  const refusal = status === 0 ? undefined : stderr.trim().split('\n').join('; ');
  return { entries: lines.map(listedEntry), refusal };
}

const listedTypes: Readonly<Record<string, string>> = {
  '-': 'file',
  C: 'file',
  d: 'directory',
  l: 'symlink',
  h: 'hardlink',
  c: 'character-device',
  b: 'block-device',
  p: 'fifo',
};

function listedEntry(line: string): PlainEntry {
  const match = listingLine.exec(line) ?? [];
  const number = (index: number) => Number(match[index] ?? Number.NaN);
  const type = listedTypes[match[1] ?? ''] ?? `unlisted: ${line}`;
  const isDevice = type.endsWith('device');
  const time = new Date(0);
  time.setUTCFullYear(number(7), number(8) - 1, number(9));
  time.setUTCHours(number(10), number(11), number(12));
  return {
    path: unquote(match[13] ?? '').replace(/(?<=.)\/+$/s, ''),
    type,
    mode: modeOf(match[2] ?? ''),
    uid: number(3),
    gid: number(4),
    size: type === 'file' ? number(5) : 0,
    mtime: BigInt(time.getTime() / 1000 || 0) * 1_000_000_000n,
    linkName: unquote(match[14] ?? ''),
    device: isDevice ? `${match[5]},${match[6]}` : '0,0',
    xattrs: {},
    content: '',
  };
}

function modeOf(letters: string): number {
  const bits = [...letters].map((letter) => ('-ST'.includes(letter) ? '0' : '1')).join('');
  const special = [2, 5, 8]
    .map((index) => (/[sStT]/.test(letters[index] ?? '') ? '1' : '0'))
    .join('');
  return Number.parseInt(special + bits, 2);
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
};

function unquote(text: string): string {
  return text.replace(/\\([0-7]{3}|.)/g, (_whole, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : (escapes[code] ?? code),
  );
}
