/**
 * Scripts from outside of the builder image: of the source, of a directory of this machine, of a server.
 *
 * What checkouts and editors of other systems do to scripts is repaired here, with a warning: carriage returns
 * behind `#!` lines, and execute bits that got lost (the bits themselves are set when the scripts are placed).
 */

import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from '../errors/index.ts';
import { displayText } from '../model/index.ts';
import {
  type BuilderContract,
  parseScriptsUrl,
  type ScriptName,
  type ScriptsUrl,
  scriptAddress,
  scriptNames,
  sourceScriptDirectories,
} from '../s2i/index.ts';
import { downloadFile, type HttpGet, type HttpReach, readSourceFile } from '../source/index.ts';

/** The most bytes of one script; some are programs. */
export const maxScriptSize = 16 * 1024 * 1024;

/** One script, ready to be put into the image. */
export interface OutsideScript {
  readonly content: Buffer;
  /** Where it came from, such as `.s2i/bin/assemble`. */
  readonly from: string;
  /** What was repaired, for the user. */
  readonly warnings: readonly string[];
}

/** Scripts by name, as far as they exist. */
export type OutsideScripts = ReadonlyMap<ScriptName, OutsideScript>;

/** Everything from outside of the image that scripts were looked for in. */
export interface OutsidePlaces {
  /** The user's scripts URL. */
  readonly url: ScriptsUrl | undefined;
  readonly inSource: OutsideScripts;
  readonly atUrls: ReadonlyMap<ScriptsUrl, OutsideScripts>;
}

/** The scripts a build can need; usage texts are not among them. */
const neededScripts: readonly ScriptName[] = scriptNames.filter((name) => name !== 'usage');

/**
 * Reads the scripts of the source, at the user's scripts URL, and at those of builder and runtime image.
 *
 * @throws BuildError `USAGE_INVALID` and those of {@link readSourceScripts} and {@link readScriptsAt}
 */
export async function readOutsidePlaces(
  http: HttpGet,
  { contracts, scriptsUrl, sourcePath }: ScriptPlaces,
  signal: AbortSignal,
): Promise<OutsidePlaces> {
  const origin = { from: 'user', what: '--scripts-url', allowRemote: true } as const;
  const url = scriptsUrl === undefined ? undefined : parseScriptsUrl(scriptsUrl, origin);
  const atUrls = new Map<ScriptsUrl, OutsideScripts>();
  if (url !== undefined) atUrls.set(url, await readScriptsAt(http, url, 'any', signal));
  for (const contract of contracts) {
    if (contract.scriptsUrl !== undefined)
      atUrls.set(contract.scriptsUrl, await readScriptsOf(http, contract, signal));
  }
  return { url, inSource: await readSourceScripts(sourcePath), atUrls };
}

/** Downloads the scripts that an image names on a server, as far as it gives their digests; public servers only. */
export async function readScriptsOf(
  http: HttpGet,
  { of, scriptsUrl }: BuilderContract,
  signal: AbortSignal,
): Promise<OutsideScripts> {
  const names = of === 'runtime' ? (['assemble-runtime', 'run'] as const) : neededScripts;
  return await readScriptsAt(http, scriptsUrl, 'public', signal, names);
}

/** Where scripts are looked for outside of the image. */
export interface ScriptPlaces {
  /** Of the builder image, and of the runtime image where there is one. */
  readonly contracts: readonly BuilderContract[];
  /** `--scripts-url`. */
  readonly scriptsUrl?: string;
  /** The opened source. */
  readonly sourcePath: string;
}

/**
 * Reads the scripts of a source.
 *
 * @throws BuildError `PATH_UNSAFE`, `LIMIT_EXCEEDED`
 */
export async function readSourceScripts(sourcePath: string): Promise<OutsideScripts> {
  const found = new Map<ScriptName, OutsideScript>();
  for (const directory of sourceScriptDirectories) {
    for (const name of neededScripts) {
      const path = `${directory}/${name}`;
      const content = found.has(name)
        ? undefined
        : await readSourceFile(sourcePath, path, maxScriptSize);
      if (content === undefined) continue;
      const { mode } = await stat(join(sourcePath, path));
      found.set(name, repaired(path, content, mode));
    }
  }
  return found;
}

/**
 * Reads or downloads the scripts at a location; none for a location in the image.
 *
 * @param reach how far a request may go: an image's word reaches public servers only
 * @throws BuildError `SOURCE_FETCH_FAILED`, `LIMIT_EXCEEDED`, `DIGEST_MISMATCH`, `IO_FAILED`, `PERMISSION_DENIED`
 */
export async function readScriptsAt(
  http: HttpGet,
  url: ScriptsUrl | undefined,
  reach: HttpReach,
  signal: AbortSignal,
  names: readonly ScriptName[] = neededScripts,
): Promise<OutsideScripts> {
  const found = new Map<ScriptName, OutsideScript>();
  if (url === undefined || url.kind === 'image') return found;
  for (const name of names) {
    const script =
      url.kind === 'file'
        ? await readScript(join(url.path, name))
        : await downloadScript(http, url, name, reach, signal);
    if (script !== undefined) found.set(name, script);
  }
  return found;
}

/** An image names its scripts with digests; one without is not fetched on its word. */
async function downloadScript(
  http: HttpGet,
  url: Extract<ScriptsUrl, { kind: 'http' }>,
  name: ScriptName,
  reach: HttpReach,
  signal: AbortSignal,
): Promise<OutsideScript | undefined> {
  const digest = url.digests[name];
  if (reach === 'public' && digest === undefined) return undefined;
  const address = scriptAddress(url, name);
  const request = { url: address, maxBytes: maxScriptSize, reach };
  const content = await downloadFile(
    http,
    digest === undefined ? request : { ...request, digest },
    signal,
  );
  return content === undefined ? undefined : repaired(withoutCredentials(address), content, 0o755);
}

async function readScript(path: string): Promise<OutsideScript | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const facts = await file.stat();
    if (!facts.isFile()) return undefined;
    if (facts.size > maxScriptSize)
      throw new BuildError('LIMIT_EXCEEDED', `${path} is larger than ${maxScriptSize} bytes`);
    return repaired(path, await file.readFile(), facts.mode);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Exported for tests: what becomes of a script on its way into the image. */
export function repaired(from: string, content: Buffer, mode: number): OutsideScript {
  const shown = displayText(from);
  const firstLine = content.subarray(0, content.indexOf('\n') + 1).toString('latin1');
  const hasCarriageReturns = firstLine.startsWith('#!') && firstLine.endsWith('\r\n');
  return {
    content: hasCarriageReturns
      ? Buffer.from(content.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
      : content,
    from,
    warnings: [
      ...(hasCarriageReturns ? [`${shown} has lines that end in CR LF: the CRs are dropped`] : []),
      ...((mode & 0o111) === 0 ? [`${shown} is not executable: its execute bits are set`] : []),
    ],
  };
}

function withoutCredentials(address: string): string {
  const url = new URL(address);
  url.username = '';
  url.password = '';
  return url.href;
}
