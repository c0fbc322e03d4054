/**
 * A bare HTTP client for tests of the embedded registry: sends exactly the path and headers that it is
 * given, and knows nothing of retries, redirects or the product's own client.
 */

import { type ClientRequest, type IncomingHttpHeaders, request as openRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Test } from 'tap';
import { silentReporter } from '../../src/events/index.ts';
import { type Descriptor, descriptorOf, mediaTypes } from '../../src/model/index.ts';
import {
  type RegistryOptions,
  type RunningRegistry,
  startRegistry,
} from '../../src/server/index.ts';

/** A reply, read to its end. */
export interface TestReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What goes with a request. */
export interface TestRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** Starts a registry in a directory of the test and stops it when the test ends. */
export async function startTestRegistry(
  t: Test,
  options: Partial<RegistryOptions> = {},
): Promise<RunningRegistry> {
  const directory = options.directory ?? t.testdir();
  const registry = await startRegistry({ reporter: silentReporter, ...options, directory });
  t.teardown(() => registry.close());
  return registry;
}

/** Sends one request and reads the reply. */
export async function send(
  host: string,
  method: string,
  path: string,
  { headers = {}, body }: TestRequest = {},
): Promise<TestReply> {
  const { promise, resolve, reject } = Promise.withResolvers<TestReply>();
  const request = start(host, method, path, headers);
  request.once('error', reject).once('response', (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.once('error', reject).once('end', () => {
      const { statusCode: status = 0, headers } = response;
      resolve({ status, headers, body: Buffer.concat(chunks) });
    });
  });
  request.end(body);
  return await promise;
}

/** Begins a request whose body the test writes itself. */
export function start(
  host: string,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): ClientRequest {
  const { hostname, port } = splitHost(host);
  return openRequest({ hostname, port, method, path, headers: { ...headers }, agent: false });
}

/** Opens a connection for bytes that are no proper HTTP. */
export function openSocket(host: string): Socket {
  const { hostname, port } = splitHost(host);
  const socket = connect(port, hostname);
  socket.on('error', () => {});
  return socket;
}

function splitHost(host: string): { hostname: string; port: number } {
  const { hostname, port } = new URL(`http://${host}`);
  return { hostname: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/** The code of the first error in a reply's body. */
export function errorCode({ body }: TestReply): string {
  const { errors } = JSON.parse(body.toString()) as { errors: { code: string }[] };
  return errors[0]?.code ?? 'none';
}

/** Uploads a blob in the usual two requests; the second's reply is returned. */
export async function pushBlob(
  host: string,
  repository: string,
  content: Uint8Array | string,
): Promise<Descriptor> {
  const bytes = Buffer.from(content);
  const descriptor = descriptorOf(bytes, mediaTypes.ociLayer);
  const opened = await send(host, 'POST', `/v2/${repository}/blobs/uploads/`);
  const target = `${opened.headers.location}?digest=${descriptor.digest}`;
  const { status } = await send(host, 'PUT', target, { body: bytes });
  if (status !== 201) throw new Error(`the upload of ${descriptor.digest} ended with ${status}`);
  return descriptor;
}

/** What a test manifest says besides its parts. */
export interface TestManifest {
  readonly config: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly [field: string]: unknown;
}

/** Serialises an OCI image manifest. */
export function manifestBytes(fields: TestManifest): Buffer {
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, layers: [], ...fields };
  return Buffer.from(JSON.stringify(document));
}

/** Pushes a manifest under a tag or digest. */
export async function pushManifest(
  host: string,
  repository: string,
  reference: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<TestReply> {
  const type = { 'Content-Type': mediaTypes.ociManifest };
  const path = `/v2/${repository}/manifests/${reference}`;
  return await send(host, 'PUT', path, { headers: { ...type, ...headers }, body });
}
