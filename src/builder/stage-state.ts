/**
 * What a stage is after some of its instructions: an image in the making. States are values; every instruction
 * makes a new one.
 */

import { completeHistory } from '../image/index.ts';
import {
  chainIdOf,
  type Descriptor,
  type Digest,
  familyOf,
  type HistoryEntry,
  type ImageConfig,
  isJsonObject,
  type Json,
  type JsonObject,
  layerCompression,
  type MediaTypeFamily,
  type Platform,
  parseImageConfig,
} from '../model/index.ts';
import type { LayerOrigin, ResolvedImage } from '../pipeline/index.ts';
import { defaultPath } from '../s2i/index.ts';

/** A layer of a stage and where its blob can be read. */
export interface StageLayer extends LayerOrigin {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
}

/** A stage at one moment. */
export interface StageState {
  readonly platform: Platform;
  /** What the base image's config says besides `config`, `rootfs` and `history`. */
  readonly document: JsonObject;
  /** The `config` object. */
  readonly config: JsonObject;
  readonly layers: readonly StageLayer[];
  readonly history: readonly HistoryEntry[];
  readonly family: MediaTypeFamily;
}

/** Begins a stage without a base; all builders give it a search path. */
export function scratchState(platform: Platform): StageState {
  const config = { Env: [`PATH=${defaultPath}`] };
  return { platform, document: {}, config, layers: [], history: [], family: 'oci' };
}

/** Begins a stage on an image. What belongs to the container that once made the image is left behind. */
export function stateOfImage({ manifest, config, source }: ResolvedImage): StageState {
  const { document } = config;
  const execution = isJsonObject(document['config']) ? document['config'] : {};
  const { config: _, rootfs: __, history: ___, container_config: ____, ...rest } = document;
  const { container: _____, created: ______, ...kept } = rest;
  return {
    platform: config.platform,
    document: kept,
    config: execution,
    layers: manifest.layers.map((descriptor, i) => ({
      descriptor,
      diffId: config.diffIds[i] as Digest,
      blobs: source,
      near: source,
      origin: 'builder',
    })),
    history: completeHistory(config),
    family: familyOf(manifest.mediaType),
  };
}

/** Returns the state behind an instruction that changed the config only. */
export function withConfig(
  state: StageState,
  changes: Readonly<Record<string, Json | undefined>>,
  history: HistoryEntry,
): StageState {
  const config: Record<string, Json> = { ...state.config };
  for (const [key, value] of Object.entries(changes))
    if (value === undefined) delete config[key];
    else config[key] = value;
  return { ...state, config, history: [...state.history, { ...history, empty_layer: true }] };
}

/** Returns the state behind an instruction that made a layer, or would have. */
export function withLayer(
  state: StageState,
  layer: StageLayer | undefined,
  history: HistoryEntry,
): StageState {
  if (layer === undefined)
    return { ...state, history: [...state.history, { ...history, empty_layer: true }] };
  return {
    ...state,
    layers: [...state.layers, layer],
    history: [...state.history, history],
  };
}

/** The whole image config. */
export function documentOf(state: StageState, created: string): JsonObject {
  const { os, architecture, variant } = state.platform;
  return {
    ...state.document,
    created,
    architecture,
    os,
    ...(variant === undefined ? {} : { variant }),
    config: state.config,
    rootfs: { type: 'layers', diff_ids: state.layers.map(({ diffId }) => diffId) },
    history: state.history as unknown as Json,
  };
}

/** What the config says in typed form. */
export function imageConfigOf(state: StageState): ImageConfig {
  return parseImageConfig(Buffer.from(JSON.stringify(documentOf(state, ''))), 'the stage');
}

/** Names the root file system of a state; undefined for an empty one. */
export function chainOf({ layers }: Pick<StageState, 'layers'>): Digest | undefined {
  return layers.length === 0 ? undefined : chainIdOf(layers.map(({ diffId }) => diffId));
}

/** The layers as the agent takes them. */
export function layerBlobsOf(layers: readonly StageLayer[]) {
  return layers.map(({ descriptor: { mediaType, digest, size }, diffId }) => ({
    ...{ digest, size, diffId },
    compression: layerCompression(mediaType) ?? 'none',
  }));
}
