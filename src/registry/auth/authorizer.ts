/**
 * Authorization for one registry host: remembers its challenge, obtains tokens, keeps them per set of
 * scopes and renews them before they end.
 *
 * Requests for the same token share one exchange (single flight). The first request goes out without
 * authorization, because only the registry's refusal tells what it wants.
 */

import type { Context } from '../context.ts';
import type { Credential } from '../credentials/types.ts';
import { RequestFailure } from '../http/failure.ts';
import type { HttpResponse } from '../http/types.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { isTrustedRealm, parseRealm } from './realm.ts';
import { covers, mergeScopes, parseScopes } from './scope.ts';
import { basicHeader, requestToken, type SendToTokenServer, type Token } from './token.ts';

/** What the authorizer needs to know about its host. */
export interface AuthorizerDeps {
  readonly context: Context;
  /** As in references. */
  readonly registry: string;
  readonly base: () => Promise<URL>;
  readonly sendToTokenServer: SendToTokenServer;
  /** Asks the registry's base endpoint for its challenge, for answers that carry none. */
  readonly askForChallenge: () => Promise<readonly string[] | undefined>;
}

/** Authorization of one request through its repetitions. */
export interface AuthorizedRequest {
  /** For whom a credential is looked up. */
  readonly repository: string;
  /** Merged; grows when the registry asks for more. */
  scopes: readonly string[];
  /** Whether a long body follows: a token near its end is renewed first. */
  readonly long: boolean;
  /** Sets of scopes for which a fresh token was already refused. */
  readonly refused: Set<string>;
}

/** What has been learnt about how a registry wants to be asked. */
type Method =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: URL; readonly service: string | undefined };

interface CachedToken {
  readonly scopes: readonly string[];
  readonly repository: string;
  readonly token: Promise<Token>;
}

/** Authorizes requests to one registry host. */
export class Authorizer {
  readonly #deps: AuthorizerDeps;
  readonly #tokens = new Map<string, CachedToken>();
  #method: Method | undefined;

  constructor(deps: AuthorizerDeps) {
    this.#deps = deps;
  }

  /** Returns the `Authorization` value for a request; undefined when it goes out without. */
  async header(request: AuthorizedRequest): Promise<string | undefined> {
    const credential = await this.#credential(request);
    if (credential?.kind === 'bearer') return `Bearer ${credential.token}`;
    if (this.#method === undefined) return undefined;
    if (this.#method.scheme === 'basic') {
      return credential?.kind === 'basic' ? basicHeader(credential) : undefined;
    }
    const token = await this.#token(request, credential, this.#method);
    return `Bearer ${token.value}`;
  }

  /**
   * Learns from a refusal (401, or 403 with a challenge). Returns whether the request is worth repeating;
   * each set of scopes is tried with a fresh token once.
   */
  async learn(
    response: HttpResponse,
    request: AuthorizedRequest,
    sent: string | undefined,
  ): Promise<boolean> {
    const own = parseChallenges(response.headers.get('www-authenticate'));
    if (own.length === 0 && response.status !== 401) return false;
    const challenges = own.length > 0 ? own : await this.#challengesElsewhere();
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) return this.#learnBearer(bearer, request, sent);
    if (!challenges.some(({ scheme }) => scheme === 'basic')) return false;
    this.#method = { scheme: 'basic' };
    const next = await this.header(request);
    return next !== undefined && next !== sent;
  }

  /** The challenge of the base endpoint, for a refusal without one. */
  async #challengesElsewhere(): Promise<readonly Challenge[]> {
    return parseChallenges(await this.#deps.askForChallenge());
  }

  /** Takes the challenge of an answer that is not otherwise used. */
  async prime(values: readonly string[] | undefined): Promise<void> {
    const challenges = parseChallenges(values);
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) await this.#adopt(bearer);
    else if (challenges.some(({ scheme }) => scheme === 'basic'))
      this.#method = { scheme: 'basic' };
  }

  async #learnBearer(
    challenge: Challenge,
    request: AuthorizedRequest,
    sent: string | undefined,
  ): Promise<boolean> {
    const credential = await this.#credential(request);
    if (credential?.kind === 'bearer') return false;
    await this.#adopt(challenge);
    const scopes = mergeScopes(request.scopes, parseScopes(challenge.parameters.get('scope')));
    const key = scopes.join(' ');
    if (request.refused.has(key)) return false;
    request.refused.add(key);
    request.scopes = scopes;
    if (sent !== undefined) await this.#forget(sent);
    return true;
  }

  async #adopt(challenge: Challenge): Promise<void> {
    const realm = parseRealm(challenge.parameters.get('realm') ?? '', await this.#deps.base());
    this.#method = { scheme: 'bearer', realm, service: challenge.parameters.get('service') };
  }

  async #credential(request: AuthorizedRequest): Promise<Credential | undefined> {
    const { context, registry } = this.#deps;
    const credential = await context.credentials.find(registry, request.repository);
    if (credential?.kind === 'basic') {
      const { username, password } = credential;
      context.secrets.add(password, `${username}:${password}`);
    } else if (credential !== undefined) {
      context.secrets.add(credential.token);
    }
    return credential;
  }

  async #token(
    request: AuthorizedRequest,
    credential: Exclude<Credential, { kind: 'bearer' }> | undefined,
    method: Extract<Method, { scheme: 'bearer' }>,
  ): Promise<Token> {
    const known = this.#find(request);
    if (known !== undefined) {
      const token = await known.token;
      if (this.#isFresh(token, request.long)) return token;
      this.#drop(known);
    }
    return this.#obtain(request, credential, method);
  }

  #find(request: AuthorizedRequest): CachedToken | undefined {
    const { repository, scopes } = request;
    const exact = this.#tokens.get(keyOf(repository, scopes));
    if (exact !== undefined) return exact;
    return [...this.#tokens.values()].find(
      (entry) => entry.repository === repository && covers(entry.scopes, scopes),
    );
  }

  /** Asks for a token unless the same question is under way. */
  #obtain(
    request: AuthorizedRequest,
    credential: Exclude<Credential, { kind: 'bearer' }> | undefined,
    method: Extract<Method, { scheme: 'bearer' }>,
  ): Promise<Token> {
    const { repository, scopes } = request;
    const key = keyOf(repository, scopes);
    const pending = this.#tokens.get(key);
    if (pending !== undefined) return pending.token;
    const token = this.#exchange(method, scopes, credential);
    const entry = { scopes, repository, token };
    this.#tokens.set(key, entry);
    token.catch(() => this.#drop(entry));
    return token;
  }

  async #exchange(
    method: Extract<Method, { scheme: 'bearer' }>,
    scopes: readonly string[],
    credential: Exclude<Credential, { kind: 'bearer' }> | undefined,
  ): Promise<Token> {
    const { context, registry, base, sendToTokenServer } = this.#deps;
    const { settings, clock } = context;
    const { realm, service } = method;
    const trusted = isTrustedRealm(registry, await base(), realm, settings.realmHosts);
    if (credential !== undefined && !trusted) this.#warnUntrusted(realm);
    const question = { realm, service, scopes, credential: trusted ? credential : undefined };
    try {
      return await requestToken(sendToTokenServer, question, {
        ...settings.limits,
        now: clock.now(),
        secrets: context.secrets,
      });
    } catch (error) {
      throw this.#explain(error, question.credential);
    }
  }

  /** A token server that refuses a login says so by 401 or 403; the message names the login's source. */
  #explain(error: unknown, credential: Credential | undefined): unknown {
    if (!(error instanceof RequestFailure) || credential === undefined) return error;
    if (error.status !== 401 && error.status !== 403) return error;
    return new RequestFailure(
      error.kind,
      `${error.message} (login from ${credential.origin})`,
      error,
    );
  }

  #warnUntrusted(realm: URL): void {
    const { context, registry } = this.#deps;
    context.reporter.emit({
      type: 'log',
      level: 'warning',
      message: `the credentials for ${registry} were not sent to its token server ${realm.host}, which is not a host of that registry; --token-server ${registry}=${realm.hostname} allows it`,
      time: context.clock.now(),
    });
  }

  #isFresh(token: Token, long: boolean): boolean {
    const now = this.#deps.context.clock.now();
    return now < token.renewAt - (long ? token.lifeMs * 0.4 : 0);
  }

  /** Drops the token that was refused, but none that another request has obtained since. */
  async #forget(sent: string): Promise<void> {
    for (const entry of [...this.#tokens.values()]) {
      const token = await entry.token.catch(() => undefined);
      if (token !== undefined && sent === `Bearer ${token.value}`) this.#drop(entry);
    }
  }

  #drop(entry: CachedToken): void {
    const key = keyOf(entry.repository, entry.scopes);
    if (this.#tokens.get(key) === entry) this.#tokens.delete(key);
  }
}

function keyOf(repository: string, scopes: readonly string[]): string {
  return JSON.stringify([repository, ...scopes]);
}
