/**
 * One registry host and what the client has learnt about it: scheme, tokens, pauses, limits, quirks.
 */

import pLimit, { type LimitFunction } from 'p-limit';
import { Authorizer } from '../auth/authorizer.ts';
import type { Context } from '../context.ts';
import { isWithinReach, kindOfHost, type Reach } from '../http/address.ts';
import { RequestFailure } from '../http/failure.ts';
import type { HttpResponse } from '../http/types.ts';
import { parseWarnings } from '../http/warnings.ts';
import { Gate } from './gate.ts';
import { contact, type FirstContact, ping } from './scheme.ts';
import { sendHop } from './send.ts';

/** What a host was found to do, remembered between operations. */
export interface Quirks {
  /** Size of chunks for uploads in pieces; undefined while whole blobs are accepted. */
  chunkSize: number | undefined;
  /** Whether several tags may be given with one manifest; true until it turns out not to work. */
  manyTags: boolean;
}

/** Where Docker Hub's registry answers. */
const authorities: Readonly<Record<string, string>> = { 'docker.io': 'registry-1.docker.io' };

/** A registry host. */
export class RegistryHost {
  readonly context: Context;
  readonly registry: string;
  readonly gate: Gate;
  readonly authorizer: Authorizer;
  /** Slots for blobs coming in, blobs going out, and small requests. */
  readonly limits: {
    readonly pull: LimitFunction;
    readonly push: LimitFunction;
    readonly small: LimitFunction;
  };
  readonly quirks: Quirks = { chunkSize: undefined, manyTags: true };
  readonly #told = new Set<string>();
  #contact: Promise<FirstContact> | undefined;
  #reach: Promise<Reach> | undefined;
  #answered = false;

  /** @param registry as in references and credential files: `docker.io`, `host:port` */
  constructor(context: Context, registry: string) {
    const { blobsPerHost, requestsPerHost } = context.settings.limits;
    this.context = context;
    this.registry = registry;
    this.gate = new Gate(context.clock, context.random);
    this.limits = {
      pull: pLimit(blobsPerHost),
      push: pLimit(blobsPerHost),
      small: pLimit(requestsPerHost),
    };
    this.authorizer = new Authorizer({
      context,
      registry,
      base: () => this.base(),
      sendToTokenServer: async (request) =>
        sendHop(
          context,
          {
            ...request,
            kind: 'token',
            headers: { ...this.commonHeaders, accept: 'application/json', ...request.headers },
            reach: await this.reachOf(request.url),
          },
          this.#ownSignal(),
        ),
      askForChallenge: async () => ping(context, await this.base(), this.#ownSignal()),
    });
  }

  /** Whether this host has ever answered, so that it is known to exist. */
  get hasAnswered(): boolean {
    return this.#answered;
  }

  /** Headers of every request. */
  get commonHeaders(): Readonly<Record<string, string>> {
    return { 'user-agent': this.context.settings.userAgent, 'accept-encoding': 'identity' };
  }

  /** Returns the base URL, after the first contact where the scheme is open. Rejects with a RequestFailure. */
  async base(): Promise<URL> {
    this.#contact ??= this.#makeContact();
    return (await this.#contact).base;
  }

  async #makeContact(): Promise<FirstContact> {
    try {
      const found = await contact(
        this.context,
        authorities[this.registry] ?? this.registry,
        this.#ownSignal(),
      );
      this.#contact = Promise.resolve(found);
      await this.authorizer.prime(found.challenge);
      return found;
    } catch (error) {
      this.#contact = undefined;
      throw error;
    }
  }

  /**
   * Tells how far a request to a URL may reach, given that this registry named it.
   *
   * @throws RequestFailure `refused` for an address that it may not send us to
   */
  async reachOf(url: URL): Promise<Reach> {
    const base = await this.base();
    if (url.hostname === base.hostname) return 'any';
    this.#reach ??= this.#ownReach(base);
    const reach = await this.#reach;
    const kind = kindOfHost(url.hostname);
    if (kind === undefined || isWithinReach(kind, reach)) return reach;
    throw new RequestFailure(
      'refused',
      `the registry ${this.registry} sends us to the ${kind === 'forbidden' ? 'special' : kind} address ${url.host}`,
      { url },
    );
  }

  /** A registry may name hosts of the networks that it is in itself. */
  async #ownReach(base: URL): Promise<Reach> {
    const literal = kindOfHost(base.hostname);
    const kinds = literal === undefined ? await this.context.resolveHost(base.hostname) : [literal];
    if (kinds.includes('loopback')) return 'loopback';
    return kinds.includes('private') ? 'private' : 'public';
  }

  /** Takes note of an answer: the host lives, and its warnings are told once each. */
  heard(response: HttpResponse): void {
    this.#answered = true;
    for (const text of parseWarnings(response.headers.get('warning'))) {
      if (this.#told.has(text)) continue;
      this.#told.add(text);
      this.tell('warning', `${this.registry} says: ${text}`);
    }
    this.#noteRateLimit(response);
  }

  /** Docker Hub and others say how many pulls are left; that is worth a word when few are. */
  #noteRateLimit(response: HttpResponse): void {
    const left = Number.parseInt(response.headers.get('ratelimit-remaining')?.[0] ?? '', 10);
    if (Number.isNaN(left) || this.#told.has(`rate ${left}`)) return;
    this.#told.add(`rate ${left}`);
    this.tell(
      left <= 10 ? 'warning' : 'debug',
      `${this.registry} allows ${left} more pulls in this period`,
    );
  }

  /** Emits a log event. */
  tell(level: 'debug' | 'info' | 'warning', message: string): void {
    const { reporter, clock } = this.context;
    reporter.emit({ type: 'log', level, message, time: clock.now() });
  }

  /** Work that several operations share must not end with one of them. */
  #ownSignal(): AbortSignal {
    const { connectMs, responseMs } = this.context.settings.timeouts;
    return AbortSignal.timeout(connectMs + responseMs);
  }
}
