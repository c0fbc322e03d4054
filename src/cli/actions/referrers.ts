/** `s2oci attach` and `s2oci referrers`: what belongs to an image without being part of it. */

import { realpath } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { abortable, digestStream, type OpenBlob, verifyStream } from '../../blob/index.ts';
import { BuildError } from '../../errors/index.ts';
import { type ArtifactFile, attachArtifact } from '../../image/index.ts';
import {
  type Descriptor,
  displayText,
  formatReference,
  manifestSelector,
  type Reference,
} from '../../model/index.ts';
import { fileError, openRegularFile } from '../../store/index.ts';
import { flagOption, type Invocation, listOption, textOption } from '../command.ts';
import { parseRegistryReference, withRepository } from '../repository.ts';

/** Attaches a file. */
export async function attach(invocation: Invocation): Promise<number> {
  const { args, options, io } = invocation;
  const [image = '', path = ''] = args;
  const reference = parseRegistryReference(image);
  const artifactType = mediaTypeOption(invocation, 'artifactType');
  const annotations = annotationsFrom(listOption(options, 'annotation'));
  const file = await describeFile(
    resolve(io.cwd, path),
    mediaTypeOption(invocation, 'mediaType'),
    io.signal,
  );
  const content = { artifactType, files: [file], ...annotations };
  const digest = await withRepository(invocation, reference, async (repository) => {
    const subject = await repository.resolve(manifestSelector(reference), io.signal);
    return attachArtifact(repository, subject, content, io.signal);
  });
  io.stdout.write(`${formatReference({ ...placeOf(reference), digest })}\n`);
  return 0;
}

/** Prints what is attached. */
export async function listReferrers(invocation: Invocation): Promise<number> {
  const { args, options, io } = invocation;
  const reference = parseRegistryReference(args[0] ?? '');
  const artifactType = textOption(options, 'artifactType');
  const wanted = { signal: io.signal, ...(artifactType === undefined ? {} : { artifactType }) };
  const { subject, referrers } = await withRepository(invocation, reference, async (repository) => {
    const { digest } = await repository.resolve(manifestSelector(reference), io.signal);
    return { subject: digest, referrers: await repository.referrers(digest, wanted) };
  });
  const name = formatReference({ ...placeOf(reference), digest: subject });
  io.stdout.write(
    flagOption(options, 'json')
      ? `${JSON.stringify({ subject: name, referrers })}\n`
      : referrers.map(lineOf).join(''),
  );
  return 0;
}

function lineOf({ digest, artifactType, mediaType }: Descriptor): string {
  return `${digest}  ${displayText(artifactType ?? mediaType)}\n`;
}

function placeOf({ registry, repository }: Reference): Reference {
  return { registry, repository };
}

function mediaTypeOption({ options }: Invocation, name: string): string {
  const type = textOption(options, name);
  if (type !== undefined && type.length <= 255 && isMediaType(type)) return type;
  const flag = name.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`);
  const why = type === undefined ? 'is missing' : `is no media type: ${JSON.stringify(type)}`;
  throw new BuildError('USAGE_INVALID', `--${flag} ${why}`, {
    suggestion: `give one such as --${flag} application/spdx+json`,
  });
}

/** The grammar of RFC 6838, without parameters. */
function isMediaType(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*$/.test(text);
}

function annotationsFrom(pairs: readonly string[]): {
  readonly annotations?: Readonly<Record<string, string>>;
} {
  if (pairs.length === 0) return {};
  const entries = pairs.map((pair) => {
    const at = pair.indexOf('=');
    if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)] as const;
    throw new BuildError('USAGE_INVALID', `not NAME=VALUE: ${JSON.stringify(pair)}`);
  });
  return { annotations: Object.fromEntries(entries) };
}

/** Hashes a file; should it change before it is sent, sending fails. */
async function describeFile(
  path: string,
  mediaType: string,
  signal: AbortSignal,
): Promise<ArtifactFile> {
  const read: OpenBlob = async (aborted) => {
    const handle = await openRegularFile(await realpath(path));
    if (handle !== undefined) return abortable(handle.createReadStream(), aborted);
    throw new BuildError('IO_FAILED', `cannot attach ${displayText(path)}: it is no regular file`);
  };
  try {
    const { digest, size } = await digestStream(await read(signal));
    const title = { 'org.opencontainers.image.title': basename(path) };
    const descriptor = { mediaType, digest, size, annotations: title };
    return { descriptor, open: async (aborted) => verifyStream(await read(aborted), descriptor) };
  } catch (error) {
    throw await fileError(error, `cannot attach ${displayText(path)}`, path);
  }
}
