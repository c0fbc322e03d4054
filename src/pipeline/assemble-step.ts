/**
 * Assemble as a step of the build cache: everything that its result depends on, and the result as it is kept.
 *
 * What assemble fetches from the network, caches and previous artifacts are no inputs: as with a `RUN` of other
 * tools, the first result stands until an input changes (ADR 0008).
 */

import { readFile, stat } from 'node:fs/promises';
import type { CacheHit, CacheInput, CacheResult, CacheStep } from '../cache/index.ts';
import {
  digestOf,
  displayBytes,
  isJsonObject,
  type Json,
  layerCompression,
  layerMediaType,
} from '../model/index.ts';
import { type ExecutorName, executorNames, type IsolationLevel } from '../runtime/index.ts';
import { labelsFrom, mergeEnvironment, variableName, workingDirectoryOf } from '../s2i/index.ts';
import type { HashedEntry } from '../source/index.ts';
import type { ApplicationLayer } from './application-layer.ts';
import { listInjections } from './injections.ts';
import type { BuildSource, ChosenBuilder, ChosenRuntime } from './inputs.ts';
import type { OutsidePlaces } from './outside-scripts.ts';
import type { BuildRequest } from './request.ts';
import { sandboxInputs } from './sandbox.ts';

/** Tells why the result of a build cannot be cached at all; undefined when it can. */
export function whyUncacheable({ volumes }: BuildRequest): string | undefined {
  return volumes.length === 0
    ? undefined
    : 'assemble sees files of this machine (--volume), whose content is not known';
}

/** What a step is made of. */
export interface AssembleStepInput {
  readonly request: BuildRequest;
  readonly builder: ChosenBuilder;
  readonly runtime: ChosenRuntime | undefined;
  readonly source: BuildSource;
  /** The source's entries; see `hashSource`. */
  readonly entries: readonly HashedEntry[];
}

/** Lists the inputs of assemble. Settings that only choose how an equal result is reached are not among them. */
export async function assembleStep(input: AssembleStepInput): Promise<CacheStep> {
  const { request, builder, runtime, source, entries } = input;
  const { compressionLevel = '' } = request;
  const settings: Readonly<Record<string, string>> = {
    'builder image': builder.image.descriptor.digest,
    'scripts URL': request.scriptsUrl ?? '',
    'scripts on servers': String(request.allowRemoteScripts),
    destination: builder.destination,
    'assemble user': request.assembleUser ?? '',
    'source date': String(source.epoch),
    'directories that are kept': request.keep,
    'symbolic links are kept': String(request.keepSymlinks),
    timestamps: request.timestamps,
    compression: `${request.compression} ${compressionLevel}`,
    incremental: String(request.incremental),
    'runtime image': runtime?.image.descriptor.digest ?? '',
    'runtime artifacts': JSON.stringify(runtime?.artifacts ?? []),
    'user of the runtime image': request.assembleRuntimeUser ?? '',
  };
  return {
    kind: 'assemble',
    name: `assemble for ${request.tag.replace(/:[^:/]*$/, '')}`,
    inputs: [
      ...Object.entries(settings).map(([label, value]) => ({ label, value })),
      ...sandboxInputs(request),
      ...variables('environment', source.environment),
      ...variables('build environment', request.buildEnv),
      ...scriptInputs(source.scripts),
      ...(await injectionInputs(request, builder)),
      ...givenInputs(request),
      ...entries.map(({ kind, path, value }) => ({
        label: `source ${kind} ${displayBytes(path)}`,
        value: `${kind} ${path} ${value}`,
      })),
    ],
  };
}

function variables(what: string, entries: readonly string[]): readonly CacheInput[] {
  return mergeEnvironment(entries).map((entry) => {
    const name = variableName(entry);
    return { label: `${what} ${name}`, value: entry.slice(name.length) };
  });
}

function scriptInputs({ inSource, atUrls }: OutsidePlaces): readonly CacheInput[] {
  const places = [inSource, ...atUrls.values()];
  return places.flatMap((scripts, place) =>
    [...scripts].map(([name, { content, from }]) => ({
      label: `script ${name} of place ${place + 1}, ${from}`,
      value: digestOf(content),
    })),
  );
}

async function injectionInputs(
  { injections }: BuildRequest,
  { image }: ChosenBuilder,
): Promise<readonly CacheInput[]> {
  const cwd = workingDirectoryOf(image.config.execution.workingDir);
  const files = await listInjections(injections, cwd);
  return Promise.all(
    files.map(async ({ source, target }) => {
      const { mode } = await stat(source);
      const value = `${(mode & 0o555).toString(8)} ${digestOf(await readFile(source))}`;
      return { label: `injected file ${target}`, value };
    }),
  );
}

/** Where secrets, caches and agents are mounted counts; what is in them does not, and is never written down. */
function givenInputs({ secrets, caches, ssh }: BuildRequest): readonly CacheInput[] {
  return [
    ...secrets.map(({ from: _, ...secret }) => ({ what: 'secret', ...secret })),
    ...caches.map((cache) => ({ what: 'cache directory', ...cache })),
    ...ssh.map(({ id }) => ({ what: 'ssh agent', id })),
  ].map(({ what, id, ...rest }, i) => ({
    label: `${what} ${id} (${i + 1})`,
    value: JSON.stringify(Object.entries(rest).toSorted()),
  }));
}

/** Turns a result into what is kept; {@link fromCache} turns it back. */
export function toCache({ layer, assembleLabels, ...facts }: ApplicationLayer): CacheResult {
  const kept: Json = { ...facts, labels: assembleLabels };
  if (layer === undefined) return { facts: kept };
  const { digest, size, diffId, compression } = layer;
  const descriptor = { mediaType: layerMediaType(compression, 'oci'), digest, size };
  return { layer: { descriptor, diffId }, facts: kept };
}

/** Reads a result that was kept; undefined for what is none. */
export function fromCache({ layer, facts }: CacheHit): ApplicationLayer | undefined {
  if (!isJsonObject(facts)) return undefined;
  const { runPath, executor, isolation, storage, idMapping, leftOut, labels } = facts;
  const compression = layer && layerCompression(layer.descriptor.mediaType);
  const isKnown =
    executorNames.some((name) => name === executor) &&
    ['A', 'B', 'C', 'D', 'F'].some((level) => level === isolation) &&
    (storage === 'overlay' || storage === 'copy');
  if (!isKnown || typeof runPath !== 'string' || !runPath.startsWith('/')) return undefined;
  if (typeof idMapping !== 'string' || !Array.isArray(leftOut) || !isJsonObject(labels))
    return undefined;
  return {
    ...(layer === undefined || compression === undefined
      ? {}
      : {
          layer: {
            digest: layer.descriptor.digest,
            size: layer.descriptor.size,
            diffId: layer.diffId,
            compression,
          },
        }),
    runPath,
    executor: executor as ExecutorName,
    isolation: isolation as IsolationLevel,
    storage,
    idMapping,
    leftOut: leftOut.flatMap(leftOutFrom),
    assembleLabels: labelsFrom(
      Object.entries(labels).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string',
      ),
    ),
  };
}

function leftOutFrom(json: Json): ApplicationLayer['leftOut'] {
  if (!isJsonObject(json)) return [];
  const { path, bytes } = json;
  return typeof path === 'string' && typeof bytes === 'number' ? [{ path, bytes }] : [];
}
