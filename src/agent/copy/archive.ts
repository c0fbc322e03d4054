/**
 * Local archives that ADD unpacks: tar, plain or compressed with gzip, bzip2, xz or zstd. What they hold goes into the
 * draft; contents wait in files of their own until the layer is written.
 */

import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { BuildError } from '../../errors/index.ts';
import type { Draft, EntryFacts } from '../../layer/index.ts';
import { type ByteString, displayBytes } from '../../model/index.ts';
import { readTar, strictPath, type TarEntry, type TarHandler } from '../../tar/index.ts';
import type { Placer } from './place.ts';

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;

/** How to decompress what begins with these bytes, in hexadecimal digits. */
const compressions: readonly (readonly [magic: string, open: (file: Readable) => Readable])[] = [
  ['1f8b', (file) => file.pipe(createGunzip())],
  ['28b52ffd', (file) => file.pipe(createZstdDecompress())],
  ['425a68', (file) => throughTool('bzip2', file)],
  ['fd377a585a00', (file) => throughTool('xz', file)],
];

const blockSize = 512;

/** Tells whether a file is an archive that ADD unpacks; looks at the beginning of what it decompresses to. */
export async function isArchive(path: string | Buffer): Promise<boolean> {
  const stream = openDecompressed(path);
  try {
    return isTarHeader(await firstBlock(stream));
  } catch {
    return false;
  } finally {
    stream.destroy();
  }
}

/**
 * Unpacks an archive into the destination of the instruction.
 *
 * @param spool an existing directory for the contents; it must live until the layer is written
 * @throws BuildError `TAR_INVALID`, `LIMIT_EXCEEDED`, `PATH_UNSAFE`, `COMPRESSION_INVALID`
 */
export async function unpackArchive(
  path: string | Buffer,
  into: { readonly draft: Draft; readonly placer: Placer; readonly spool: string },
  what: string,
  signal: AbortSignal,
): Promise<void> {
  using unpacking = new Unpacking(into, what);
  await readTar(openDecompressed(path), unpacking, { what }, signal);
}

class Unpacking implements TarHandler, Disposable {
  readonly #draft: Draft;
  readonly #placer: Placer;
  readonly #spool: string;
  readonly #what: string;
  readonly #top: ByteString;
  #fd: number | undefined;
  #position = 0;

  constructor(
    { draft, placer, spool }: { draft: Draft; placer: Placer; spool: string },
    what: string,
  ) {
    this.#draft = draft;
    this.#placer = placer;
    this.#spool = spool;
    this.#what = what;
    this.#top = placer.path(placer.directory());
  }

  entry(entry: TarEntry): void {
    this[Symbol.dispose]();
    const path = strictPath(entry.path.replace(/^\/+/, '') as ByteString, this.#what);
    if (path === '') return;
    const slash = path.lastIndexOf('/');
    const place = `${this.#top}/${path.slice(0, Math.max(slash, 0))}` as ByteString;
    const parent = this.#draft.directory(place, this.#placer.made());
    const name = path.slice(slash + 1) as ByteString;
    const facts = this.#placer.facts({ facts: entry });
    if (entry.type === 'directory') this.#draft.placeDirectory(parent, name, facts);
    else if (entry.type === 'hardlink') this.#link(parent, name, entry);
    else if (entry.type === 'file') this.#file(parent, name, facts);
    else this.#draft.place(parent, name, facts);
  }

  data(chunk: Uint8Array): void {
    if (this.#fd === undefined) return;
    for (let at = 0; at < chunk.length; )
      at += fs.writeSync(this.#fd, chunk, at, chunk.length - at, this.#position + at);
    this.#position += chunk.length;
  }

  hole(length: number): void {
    if (this.#fd === undefined) return;
    this.#position += length;
    fs.ftruncateSync(this.#fd, this.#position);
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = undefined;
    this.#position = 0;
  }

  #file(parent: ReturnType<Draft['directory']>, name: ByteString, facts: EntryFacts): void {
    const path = join(this.#spool, `${this.#draft.entries}.content`);
    this.#fd = fs.openSync(path, 'wx', 0o600);
    this.#draft.place(parent, name, facts, { path });
  }

  #link(parent: ReturnType<Draft['directory']>, name: ByteString, entry: TarEntry): void {
    const target = strictPath(entry.linkName.replace(/^\/+/, '') as ByteString, this.#what);
    const found = this.#draft.find(`${this.#top}/${target}` as ByteString);
    if (found === undefined || found.inode.type === 'directory')
      throw new BuildError(
        'PATH_UNSAFE',
        `${this.#what}: "${displayBytes(entry.path)}" is a hard link to "${displayBytes(entry.linkName)}", which is no file`,
        { origin: 'source' },
      );
    this.#draft.link(parent, name, found);
  }
}

function openDecompressed(path: string | Buffer): Readable {
  const fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const head = Buffer.alloc(6);
  fs.readSync(fd, head, 0, head.length, 0);
  const digits = head.toString('hex');
  const file = fs.createReadStream('', { fd, start: 0 });
  const open = compressions.find(([magic]) => digits.startsWith(magic))?.[1];
  if (open === undefined) return file;
  const stream = open(file);
  file.on('error', (error) => stream.destroy(error));
  return stream;
}

function throughTool(tool: string, file: Readable): Readable {
  const child = spawn(tool, ['-dc'], { stdio: ['pipe', 'pipe', 'ignore'] });
  child.on('error', () =>
    child.stdout.destroy(
      new BuildError('RUNTIME_UNAVAILABLE', `${tool} is not installed on this machine`, {
        suggestion: `install ${tool}, or compress the archive with gzip or zstd`,
      }),
    ),
  );
  child.stdin.on('error', () => {});
  child.stdout.on('close', () => child.kill('SIGKILL'));
  file.pipe(child.stdin);
  return child.stdout;
}

async function firstBlock(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= blockSize) break;
  }
  return Buffer.concat(chunks).subarray(0, blockSize);
}

/** A header proves itself by the sum of its bytes (POSIX.1-2017 pax, ustar). */
function isTarHeader(block: Buffer): boolean {
  if (block.length < blockSize || block[0] === 0) return false;
  const told = Number.parseInt(block.toString('latin1', 148, 156).replace(/[\0 ]+$/, ''), 8);
  const sum = block.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
  return told === sum;
}
