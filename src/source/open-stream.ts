/** Sources that are tar archives: on standard input, or a file. */

import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { BuildError } from '../errors/index.ts';
import { displayText } from '../model/index.ts';
import { extractArchive } from './archive/extract.ts';
import type { SourceDeps } from './deps.ts';
import type { OpenedSource, SourceRequest } from './request.ts';
import type { LocalSourceSpec, SourceInfo, SourceSpec, StreamSourceSpec } from './types.ts';

/** Extracts the archive on standard input. Throws as `openSource` says. */
export function openStream(
  deps: SourceDeps,
  request: SourceRequest & { readonly spec: StreamSourceSpec },
  scratch: string,
  signal: AbortSignal | undefined,
): Promise<OpenedSource> {
  return openArchive(() => deps.stdin, 'the archive on standard input', request, scratch, signal);
}

/** Extracts an archive of this machine. Throws as `openSource` says. */
export function openArchiveFile(
  path: string,
  request: SourceRequest & { readonly spec: LocalSourceSpec },
  scratch: string,
  signal: AbortSignal | undefined,
): Promise<OpenedSource> {
  return openArchive(
    () => createReadStream(path),
    displayText(request.spec.location),
    request,
    scratch,
    signal,
  );
}

async function openArchive(
  open: () => Readable,
  what: string,
  request: SourceRequest,
  scratch: string,
  signal: AbortSignal | undefined,
): Promise<OpenedSource> {
  const root = join(scratch, 'tree');
  await mkdir(root);
  // An archive without its end was cut off: whoever wrote it failed.
  const options = { limits: request.limits ?? {}, requireEndMarker: true };
  // Opened only now: a stream that nobody listens to would end the process when it fails.
  const entries = await extractArchive(open(), root, what, options, signal);
  if (entries === 0) throw empty(what);
  return { root, info: plainInfo(request.spec) };
}

function empty(what: string): BuildError {
  return new BuildError('SOURCE_INVALID', `${what} is empty`, {
    origin: 'source',
    suggestion: 'check that the program that writes the archive did not fail',
  });
}

/** What is known of a source that is no repository. */
export function plainInfo(spec: SourceSpec): SourceInfo {
  return {
    location: spec.location,
    ...(spec.contextDir === undefined ? {} : { contextDir: spec.contextDir }),
  };
}
