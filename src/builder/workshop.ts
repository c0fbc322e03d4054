/**
 * What all stages of one build share: ports, request, context, cache, base images, root file systems, and a limit on
 * how much is done at a time.
 */

import pLimit from 'p-limit';
import type { Agent, LayerBlob } from '../agent/index.ts';
import { streamOf } from '../blob/index.ts';
import { layerDescriptor, type NewLayer } from '../image/index.ts';
import type { Compression } from '../model/index.ts';
import { formatPlatform, type Platform } from '../model/index.ts';
import {
  type BuildDeps,
  checkedLayers,
  fetchStack,
  type ResolvedImage,
  resolveImage,
} from '../pipeline/index.ts';
import type { LimitKeepers } from '../runtime/index.ts';
import { type Lease, rootfsKey } from '../store/index.ts';
import { endOfArchive } from '../tar/index.ts';
import type { OpenContext } from './context.ts';
import type { DockerfileBuildRequest } from './request.ts';
import { chainOf, layerBlobsOf, type StageLayer } from './stage-state.ts';
import type { StepCache } from './step-cache.ts';

/** The things that make a workshop. */
export interface WorkshopParts {
  readonly deps: BuildDeps;
  readonly request: DockerfileBuildRequest;
  readonly context: OpenContext;
  readonly cache: StepCache;
  readonly lease: Lease;
  /** What goes when the build ends. */
  readonly resources: AsyncDisposableStack;
  /** Seconds that times are clamped to. */
  readonly epoch: number;
}

/** How many steps work at the same time. */
const parallelSteps = 4;

/** Shared by the stages of one build. */
export class Workshop {
  readonly deps: BuildDeps;
  readonly request: DockerfileBuildRequest;
  readonly context: OpenContext;
  readonly cache: StepCache;
  readonly lease: Lease;
  readonly resources: AsyncDisposableStack;
  readonly epoch: number;
  /** Runs heavy work when there is room for it. */
  readonly limit = pLimit(parallelSteps);
  pulledBytes = 0;
  /** What kept the limits of the commands that were run. */
  keepers: LimitKeepers = {};
  /** Everything that the user was warned of. */
  readonly warnings: string[] = [];
  readonly #images = new Map<string, Promise<ResolvedImage>>();
  readonly #stored = new Map<string, Promise<string>>();
  readonly #memory = new Map<string, Promise<readonly StageLayer[]>>();

  constructor(parts: WorkshopParts) {
    this.deps = parts.deps;
    this.request = parts.request;
    this.context = parts.context;
    this.cache = parts.cache;
    this.lease = parts.lease;
    this.resources = parts.resources;
    this.epoch = parts.epoch;
  }

  /** RFC 3339 time of config and history. */
  get created(): string {
    return new Date(this.epoch * 1000).toISOString().replace('.000Z', 'Z');
  }

  /** Tells the user something. */
  tell(message: string): void {
    this.#log('info', message);
  }

  /** Warns the user, now and in the result. */
  warn(message: string): void {
    this.#log('warning', message);
    this.warnings.push(message);
  }

  /** The agent, which is started while the context is opened. */
  agent(): Promise<Agent> {
    return this.deps.agent;
  }

  /** Makes layers once, however many steps want them. */
  memo(name: string, make: () => Promise<readonly StageLayer[]>): Promise<readonly StageLayer[]> {
    const known = this.#memory.get(name) ?? make();
    this.#memory.set(name, known);
    return known;
  }

  /** A layer that is in the store, as layers of stages are. */
  storedLayer(layer: Omit<NewLayer, 'compression'>, compression: Compression): StageLayer {
    const descriptor = layerDescriptor({ ...layer, compression });
    return { descriptor, diffId: layer.diffId, blobs: this.deps.store, origin: 'build' };
  }

  /** Pins a base image; each is asked for once in a build, so that all stages see the same. */
  image(reference: string, platform: Platform, signal: AbortSignal): Promise<ResolvedImage> {
    const key = `${reference} ${formatPlatform(platform)}`;
    const known = this.#images.get(key) ?? this.#resolve(reference, platform, signal);
    this.#images.set(key, known);
    return known;
  }

  /**
   * Makes the root file system of some layers available and returns its key. What is missing is fetched first.
   *
   * @throws BuildError of fetching and unpacking
   */
  rootfs(layers: readonly StageLayer[], signal: AbortSignal): Promise<string> {
    const chain = chainOf({ layers }) ?? '';
    const known = this.#stored.get(chain) ?? this.#store(layers, signal);
    this.#stored.set(chain, known);
    return known;
  }

  /**
   * Makes some layers available without unpacking all of them: those of the base image are, and of the others as many
   * as are already.
   *
   * @returns what `copyFiles` of the agent begins with
   */
  async base(
    layers: readonly StageLayer[],
    ofBase: number,
    signal: AbortSignal,
  ): Promise<{ readonly rootfsKey?: string; readonly layers: readonly LayerBlob[] }> {
    if (ofBase > 0) await this.rootfs(layers.slice(0, ofBase), signal);
    const { agent, stored } = await this.#fetch(layers, signal);
    const blobs = layerBlobsOf(layers);
    if (stored === 0) return { layers: blobs };
    const chain = chainOf({ layers: layers.slice(0, stored) });
    if (chain === undefined) return { layers: blobs };
    return { rootfsKey: rootfsKey(chain, agent.idMapping.key), layers: blobs.slice(stored) };
  }

  #log(level: 'info' | 'warning', message: string): void {
    const { reporter, now } = this.deps;
    reporter.emit({ type: 'log', level, message, phase: 'steps', time: now() });
  }

  async #resolve(
    reference: string,
    platform: Platform,
    signal: AbortSignal,
  ): Promise<ResolvedImage> {
    const source = this.resources.use(await this.deps.images.source(reference));
    const { value } = await resolveImage(source, platform, signal);
    checkedLayers(value);
    return value;
  }

  async #store(given: readonly StageLayer[], signal: AbortSignal): Promise<string> {
    const layers = given.length === 0 ? [await this.#emptyLayer()] : given;
    const { agent } = await this.#fetch(layers, signal);
    const { key } = await agent.call('prepareRootfs', { layers: layerBlobsOf(layers) }, { signal });
    return key;
  }

  /** Stands for the root file system of a stage that has none yet. */
  async #emptyLayer(): Promise<StageLayer> {
    const { digest, size } = await this.deps.store.ingest(streamOf(endOfArchive));
    return this.storedLayer({ digest, size, diffId: digest }, 'none');
  }

  async #fetch(layers: readonly StageLayer[], signal: AbortSignal) {
    const agent = await this.agent();
    const { store, reporter, now } = this.deps;
    const deps = { store, agent, reporter, lease: this.lease, now };
    const { pulledBytes, stored } = await fetchStack(deps, layers, signal);
    this.pulledBytes += pulledBytes;
    return { agent, stored };
  }
}
