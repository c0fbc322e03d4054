/**
 * A token server after the Docker registry token specification: signs JSON Web Tokens that
 * `docker-registry` accepts, for one known user and for anonymous pulls of `public/` repositories.
 */

import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { CertificateFiles } from './certificate.ts';

/** How the server behaves. */
export interface TokenServerOptions {
  /** Life of a token in seconds; default 300. */
  readonly lifeSeconds?: number;
  /** What `expires_in` says, when it is not to be the truth; null leaves it out. */
  readonly reportedLife?: number | null;
  /** Keeps only the last `scope` parameter, as GitLab does. */
  readonly lastScopeOnly?: boolean;
  /** Status for POST (OAuth2); default: supported. */
  readonly postStatus?: number;
}

/** One token request as it came. */
export interface TokenRequest {
  readonly method: string;
  readonly scopes: readonly string[];
  readonly user: string | undefined;
  readonly grant: string | undefined;
}

/** A running token server. */
export interface TokenServer {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  readonly certFile: string;
  readonly requests: readonly TokenRequest[];
  close(): Promise<void>;
}

/** The identity token that POST requests accept in place of a password. */
export const identityToken = 'identity-token-of-alice';

interface Question {
  readonly scopes: readonly string[];
  readonly user: string | undefined;
  readonly allowed: boolean;
  readonly grant: string | undefined;
}

/** Starts a token server whose tokens are signed by the given key. */
export async function startTokenServer(
  files: CertificateFiles,
  options: TokenServerOptions = {},
): Promise<TokenServer> {
  const issuer = 's2oci-test';
  const service = 'test-registry';
  const key = createPrivateKey(await readFile(files.keyFile));
  const certificate = pemBody(await readFile(files.certFile, 'utf8'));
  const requests: TokenRequest[] = [];
  const mint = (question: Question): string => {
    const { scopes, user } = question;
    const kept = options.lastScopeOnly === true ? scopes.slice(-1) : scopes;
    const life = options.lifeSeconds ?? 300;
    const access = kept.flatMap((scope) => grantOf(scope, user));
    const claims = { iss: issuer, aud: service, sub: user ?? '', access, life };
    const reported = options.reportedLife === undefined ? life : options.reportedLife;
    const token = signToken(key, certificate, claims);
    return JSON.stringify({ token, ...(reported === null ? {} : { expires_in: reported }) });
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const method = request.method ?? '';
    const question = await readQuestion(request);
    const { scopes, user, grant } = question;
    requests.push({ method, scopes, user, grant });
    const refused = method === 'POST' ? options.postStatus : undefined;
    if (refused !== undefined || !question.allowed) {
      response.writeHead(refused ?? 401).end('{"details":"refused"}');
      return;
    }
    response.setHeader('content-type', 'application/json');
    response.end(mint(question));
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    realm: `http://127.0.0.1:${port}/token`,
    service,
    issuer,
    certFile: files.certFile,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function readQuestion(request: IncomingMessage): Promise<Question> {
  if (request.method === 'POST') {
    const form = new URLSearchParams(await text(request));
    const grant = form.get('grant_type') ?? undefined;
    const allowed =
      grant === 'refresh_token'
        ? form.get('refresh_token') === identityToken
        : form.get('username') === 'alice' && form.get('password') === 'pa:ss';
    const scopes = (form.get('scope') ?? '').split(' ').filter((scope) => scope !== '');
    return { scopes, user: allowed ? 'alice' : undefined, allowed, grant };
  }
  const scopes = new URL(request.url ?? '/', 'http://x').searchParams.getAll('scope');
  const header = request.headers.authorization;
  if (header === undefined) return { scopes, user: undefined, allowed: true, grant: undefined };
  const allowed = header === `Basic ${Buffer.from('alice:pa:ss').toString('base64')}`;
  return { scopes, user: allowed ? 'alice' : undefined, allowed, grant: undefined };
}

interface Access {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/** The known user may do everything; nobody else may do more than pull from `public/`. */
function grantOf(scope: string, user: string | undefined): readonly Access[] {
  const first = scope.indexOf(':');
  const last = scope.lastIndexOf(':');
  const name = scope.slice(first + 1, last);
  const asked = scope.slice(last + 1).split(',');
  const actions =
    user === 'alice' ? asked : asked.filter((a) => a === 'pull' && name.startsWith('public/'));
  return actions.length === 0 ? [] : [{ type: scope.slice(0, first), name, actions }];
}

function signToken(
  key: ReturnType<typeof createPrivateKey>,
  certificate: string,
  claims: { iss: string; aud: string; sub: string; access: readonly Access[]; life: number },
): string {
  const now = Math.floor(Date.now() / 1000);
  const { life, ...rest } = claims;
  const body = { ...rest, exp: now + life, nbf: now - 10, iat: now, jti: randomUUID() };
  const head = { typ: 'JWT', alg: 'ES256', x5c: [certificate] };
  const input = [head, body].map((part) => base64url(JSON.stringify(part))).join('.');
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function pemBody(pem: string): string {
  return pem.replace(/-----[A-Z ]+-----/g, '').replace(/\s/g, '');
}
