/**
 * Reading and writing extended attributes through `getfattr` and `setfattr`, since Node has no calls for
 * them; for reading, GNU tar stands in. One process handles a whole tree.
 *
 * The tools must run in the user namespace of the caller: only there does a file capability read as it
 * was set. Without a tool nothing is read or written, and the caller hears why.
 */

import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { BuildError } from '../errors/index.ts';
import { type ByteString, bufferOf, byteStringFrom } from '../model/index.ts';
import { TarReader } from '../tar/index.ts';
import { isImageXattr, type Xattrs } from './xattr-names.ts';

/** What a tree has, by path relative to its top, and what could not be read. */
export interface XattrsOfTree {
  readonly byPath: ReadonlyMap<ByteString, Xattrs>;
  readonly warning?: string;
}

const maxOutput = 2 ** 27;
const pattern = '^user\\.|^security\\.capability$';

/** Reads the attributes that belong to an image of everything below a directory; the top itself is left out. */
export function readXattrs(directory: string | Buffer): XattrsOfTree {
  const result = run('getfattr', ['-R', '-P', '-h', '-d', '-m', pattern, '-e', 'hex', '--', '.'], {
    directory,
  });
  if (result === undefined) return readWithTar(directory);
  const byPath = parseListing(byteStringFrom(result.stdout));
  if (result.status === 0) return { byPath };
  const why = result.stderr.toString('utf8').split('\n')[0] ?? '';
  return { byPath, warning: `some extended attributes could not be read: ${why}` };
}

/** Writes attributes; what cannot be written is passed over. Returns false when there is no tool. */
export function writeXattrs(
  records: Iterable<{ readonly path: ByteString; readonly xattrs: Xattrs }>,
): boolean {
  const lines: string[] = [];
  for (const { path, xattrs } of records) {
    lines.push(`# file: ${escaped(path)}`);
    for (const [name, value] of xattrs)
      lines.push(`${escaped(name)}=0x${Buffer.from(value).toString('hex')}`);
    lines.push('');
  }
  const input = bufferOf(`${lines.join('\n')}\n` as ByteString);
  return run('setfattr', ['-h', '--restore=-'], { input }) !== undefined;
}

const tarOptions = [
  ...['--xattrs', '--xattrs-include=user.*', '--xattrs-include=security.capability'],
  ...['--format=pax', '--sparse', '--hard-dereference', '--quoting-style=escape'],
];

/**
 * GNU tar stores what it reads in its headers. Writing to /dev/null it reads no content, and its listing
 * marks what has attributes; only that is archived in earnest.
 */
function readWithTar(directory: string | Buffer): XattrsOfTree {
  const unread = { byPath: new Map(), warning: 'extended attributes were not read: no getfattr' };
  const listing = run('tar', [...tarOptions, '-cvvf', '/dev/null', '.'], { directory });
  if (listing === undefined || !isComplete(listing)) return unread;
  const names = byteStringFrom(listing.stdout).split('\n').flatMap(markedName);
  if (names.length === 0) return { byPath: new Map() };
  const result = run('tar', [...tarOptions, '--no-recursion', '--null', '-T', '-', '-cf', '-'], {
    directory,
    input: bufferOf(`${names.join('\0')}\0` as ByteString),
  });
  if (result?.status !== 0) return unread;
  const byPath = new Map<ByteString, Xattrs>();
  const reader = new TarReader({
    entry: (entry) => {
      const xattrs = imageXattrs(entry.xattrs);
      if (xattrs.size > 0) byPath.set(entry.path.replace(/^\.\//, '') as ByteString, xattrs);
    },
    data: () => {},
    hole: () => {},
  });
  reader.write(result.stdout);
  reader.end();
  return { byPath };
}

/** GNU tar ends with 2 when something could not be read; the rest is there all the same. */
function isComplete({ status, stdout }: SpawnSyncReturns<Buffer>): boolean {
  return status === 0 || (status !== null && status <= 2 && stdout.length > 0);
}

/** The name in a line of the listing that says that it has attributes: mode, `*`, owner, size, date, time, name. */
function markedName(line: string): ByteString[] {
  const [, name] = /^[-d].{9}\* +\S+ +\d+ \S+ \S+ (.*)$/.exec(line) ?? [];
  if (name === undefined) return [];
  const special: Readonly<Record<string, string>> = {
    n: '\n',
    t: '\t',
    r: '\r',
    a: '\x07',
    b: '\b',
    f: '\f',
    v: '\v',
  };
  const text = name.replace(/\\([0-7]{3}|.)/g, (_, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : (special[code] ?? code),
  );
  return [text as ByteString];
}

function run(
  command: string,
  args: readonly string[],
  options: { readonly directory?: string | Buffer; readonly input?: Uint8Array },
): SpawnSyncReturns<Buffer> | undefined {
  const result = spawnSync(command, args, {
    ...(options.directory === undefined ? {} : { cwd: options.directory.toString() }),
    ...(options.input === undefined ? {} : { input: options.input }),
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    maxBuffer: maxOutput,
  });
  const code = (result.error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOENT') return undefined;
  if (code === 'ENOBUFS')
    throw new BuildError('LIMIT_EXCEEDED', `${command}: too many extended attributes`);
  if (result.error !== undefined) throw result.error;
  return result;
}

function parseListing(text: ByteString): Map<ByteString, Xattrs> {
  const byPath = new Map<ByteString, Xattrs>();
  for (const block of text.split('\n\n')) {
    const [head = '', ...lines] = block.split('\n');
    const path = unescaped(head.replace(/^# file: /, '')).replace(/^\.\//, '') as ByteString;
    const xattrs = imageXattrs(lines.flatMap(parseAttribute));
    if (path !== '.' && xattrs.size > 0) byPath.set(path, xattrs);
  }
  return byPath;
}

function parseAttribute(line: string): [ByteString, Uint8Array][] {
  const equals = line.lastIndexOf('=0x');
  if (equals === -1) return [];
  return [[unescaped(line.slice(0, equals)), Buffer.from(line.slice(equals + 3), 'hex')]];
}

function imageXattrs(pairs: Iterable<readonly [ByteString, Uint8Array]>): Xattrs {
  return new Map([...pairs].filter(([name]) => isImageXattr(name)));
}

/** The tools write bytes that would break a line as a backslash and three octal digits. */
function unescaped(text: string): ByteString {
  return text.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  ) as ByteString;
}

function escaped(text: ByteString): string {
  return text.replace(
    /[^!-<>-[\]-~]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}
