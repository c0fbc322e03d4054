/**
 * The faults of section 3.2 of the security reference at each kind of request, on the real registry. Each
 * cell either is absorbed, or ends with the exit code of the table, in time and with no tag moved.
 * The matrix is printed at the end.
 */

import t from 'tap';
import type { BuildError } from '../../src/errors/index.ts';
import type { Digest } from '../../src/model/index.ts';
import { defaultRegistrySettings, type RequestKind } from '../../src/registry/index.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import {
  cutAnswer,
  cutRequest,
  drip,
  early,
  forward,
  hang,
  raw,
  reply,
  stall,
} from '../support/fault-actions.ts';
import {
  type Action,
  type FaultServer,
  type Rule,
  startFaultServer,
} from '../support/fault-server.ts';
import {
  imageOf,
  layerOf,
  login,
  pushImage,
  readAll,
  type TestClient,
  testClient,
} from './support.ts';

t.setTimeout(280_000);

const for_ever = 9999;
const image = imageOf([layerOf(80_000, 'matrix')]);
const [layer] = image.blobs as [(typeof image.blobs)[0]];
const place = { repository: 'matrix/app' };
let serial = 0;

/** What a column does; everything in it goes through the fault server. */
interface Column {
  readonly kind: RequestKind;
  /** Whether the answer carries content that can be damaged, and the request a body that can be cut. */
  readonly reads?: boolean;
  readonly writes?: boolean;
  readonly run: (client: TestClient['client'], host: string) => Promise<unknown>;
  /** Rules that make the kind of request happen at all. */
  readonly set?: readonly Rule[];
}

const repositoryAt = (client: TestClient['client'], host: string) =>
  client.repository({ ...place, registry: host });

const putNew = async (client: TestClient['client'], host: string): Promise<void> => {
  serial += 1;
  const blob = layerOf(70_000, `new ${serial}`);
  const repository = repositoryAt(client, host);
  await repository.putBlob(blob.descriptor, blob.open);
  if (!(await readAll(await repository.openBlob(blob.descriptor))).equals(blob.bytes)) {
    throw new Error('other bytes arrived');
  }
};

const whole = ({ headers }: { headers: Record<string, unknown> }): boolean =>
  headers['content-length'] !== '0';

const columns: readonly Column[] = [
  { kind: 'token', reads: true, run: (client, host) => repositoryAt(client, host).resolve('v1') },
  { kind: 'manifest-head', run: (client, host) => repositoryAt(client, host).resolve('v1') },
  {
    kind: 'manifest-get',
    reads: true,
    run: (client, host) => repositoryAt(client, host).fetchManifest(image.descriptor),
  },
  {
    kind: 'blob-head',
    run: (client, host) => repositoryAt(client, host).hasBlob(layer.descriptor),
  },
  {
    kind: 'blob-get',
    reads: true,
    run: async (client, host) => {
      const repository = repositoryAt(client, host);
      const read = async () => readAll(await repository.openBlob(layer.descriptor));
      const bytes = await read().catch((error: BuildError) => {
        if (error.code !== 'DIGEST_MISMATCH') throw error;
        return read();
      });
      if (!bytes.equals(layer.bytes)) throw new Error('other bytes arrived');
    },
  },
  { kind: 'upload-start', run: putNew },
  {
    kind: 'upload-patch',
    writes: true,
    set: [{ kind: 'upload-put', when: whole, times: for_ever, act: early(413) }],
    run: async (client, host) => {
      serial += 1;
      const blob = layerOf(1024 * 1024 + 1000, `pieces ${serial}`);
      await repositoryAt(client, host).putBlob(blob.descriptor, blob.open);
    },
  },
  { kind: 'upload-put', writes: true, run: putNew },
  {
    kind: 'manifest-put',
    writes: true,
    run: (client, host) => {
      const { raw: bytes, mediaType } = image.manifest;
      return repositoryAt(client, host).putManifest(bytes, mediaType, ['moved']);
    },
  },
  {
    kind: 'referrers',
    reads: true,
    run: (client, host) => repositoryAt(client, host).referrers(image.descriptor.digest as Digest),
  },
];

/** What a fault does and how it has to end: absorbed, or by one of these exit codes. */
interface Row {
  readonly name: string;
  readonly act: Action;
  readonly times: number;
  readonly ends: 'absorbed' | readonly number[];
  /** Only where an answer has content, or a request a body. */
  readonly only?: 'reads' | 'writes';
  /** Runs where every request needs a token. */
  readonly withTokens?: boolean;
  /** Kinds for which something else holds, and why. */
  readonly but?: Readonly<Partial<Record<RequestKind, 'absorbed' | 'n/a' | readonly number[]>>>;
}

/** A HEAD that is refused is followed by a GET, which is not spoilt here. */
const getInstead = { 'manifest-head': 'absorbed' } as const;

/** The registry has no referrers API, and without it the list is empty: these answers mean just that. */
const noApi = { referrers: 'absorbed' } as const;

const page = reply(502, { body: '<html>x</html>', headers: { 'content-type': 'text/html' } });

const rows: readonly Row[] = [
  ...[500, 502, 503, 504, 408].map(
    (status): Row => ({
      name: `F01 ${status} once`,
      act: early(status),
      times: 1,
      ends: 'absorbed',
    }),
  ),
  { name: 'F01 503 three times', act: early(503), times: 3, ends: 'absorbed' },
  { name: 'F01 503 for ever', act: early(503), times: for_ever, ends: [5] },
  {
    name: 'F02 429 Retry-After: 0',
    act: reply(429, { headers: { 'retry-after': '0' } }),
    times: 2,
    ends: 'absorbed',
  },
  {
    name: 'F02 429 Retry-After: 1 h',
    act: reply(429, { headers: { 'retry-after': '3600' } }),
    times: for_ever,
    ends: [5],
  },
  {
    name: 'F02 429 garbage',
    act: reply(429, { headers: { 'retry-after': 'soon' } }),
    times: 1,
    ends: 'absorbed',
  },
  { name: 'F03 RST at once', act: cutRequest(0, 'rst'), times: 2, ends: 'absorbed' },
  { name: 'F03 FIN at once', act: cutRequest(0, 'fin'), times: 2, ends: 'absorbed' },
  { name: 'F03 RST for ever', act: cutRequest(0, 'rst'), times: for_ever, ends: [5] },
  { name: 'F03 answer lost', act: forward({ loseAnswer: true }), times: 1, ends: 'absorbed' },
  {
    name: 'F03 answer cut',
    act: forward({ cutAnswerAt: 20 }),
    times: 1,
    ends: 'absorbed',
    only: 'reads',
  },
  {
    name: 'F03 request cut',
    act: forward({ cutRequestAt: 100 }),
    times: 1,
    ends: 'absorbed',
    only: 'writes',
  },
  { name: 'F04 silence once', act: hang(), times: 1, ends: 'absorbed' },
  { name: 'F04 silence for ever', act: hang(), times: for_ever, ends: [5] },
  {
    name: 'F04 stalled answer',
    act: forward({ stallAt: 10 }),
    times: 1,
    ends: 'absorbed',
    only: 'reads',
  },
  {
    name: 'F04 1 byte at a time',
    act: drip(200, { body: 'x'.repeat(500), bytes: 1, everyMs: 30 }),
    times: 1,
    ends: 'absorbed',
    only: 'reads',
    but: { 'blob-get': 'absorbed' },
  },
  {
    name: 'F04 unread request',
    act: hang({ read: false }),
    times: 1,
    ends: 'absorbed',
    only: 'writes',
  },
  {
    name: 'F05 truncated',
    act: cutAnswer(200, { body: 'x'.repeat(500), at: 100 }),
    times: 1,
    ends: 'absorbed',
    only: 'reads',
  },
  { name: 'F05 no HTTP', act: raw('hello\r\n\r\n'), times: for_ever, ends: [5] },
  {
    name: 'F05 broken chunks',
    act: raw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'),
    times: for_ever,
    ends: [5],
    but: { ...getInstead, 'blob-head': 'absorbed', ...noApi },
  },
  {
    name: 'F06 bit flip once',
    act: forward({ flipAt: 30 }),
    times: 1,
    ends: 'absorbed',
    only: 'reads',
  },
  {
    name: 'F06 bit flip always',
    act: forward({ flipAt: 30 }),
    times: for_ever,
    ends: [3],
    only: 'reads',
    but: { token: [5, 6], referrers: 'absorbed' },
  },
  {
    name: 'F07 401 once',
    act: early(401),
    times: 1,
    ends: 'absorbed',
    withTokens: true,
    but: { token: [6] },
  },
  {
    name: 'F07 401 for ever',
    act: early(401),
    times: for_ever,
    ends: [6],
    withTokens: true,
    but: getInstead,
  },
  { name: 'F10 403 for ever', act: reply(403), times: for_ever, ends: [6], but: getInstead },
  {
    name: 'F10 404 for ever',
    act: reply(404),
    times: for_ever,
    ends: [5, 7],
    but: { token: [6], 'blob-head': 'absorbed', ...noApi },
  },
  {
    name: 'F10 400 for ever',
    act: reply(400, { body: 'x'.repeat(2_000_000) }),
    times: for_ever,
    ends: [5],
    but: { token: [6], ...getInstead, ...noApi },
  },
  { name: 'F10 an HTML page once', act: page, times: 1, ends: 'absorbed' },
  {
    name: 'F11 redirect loop',
    act: reply(307, { headers: { location: '/v2/loop' } }),
    times: for_ever,
    ends: [5],
    but: { ...getInstead, 'blob-head': 'absorbed' },
  },
  { name: 'F15 507 for ever', act: reply(507), times: for_ever, ends: [5] },
  {
    name: 'F16 forbidden redirect',
    act: reply(307, { headers: { location: 'http://169.254.169.254/' } }),
    times: for_ever,
    ends: [5],
    but: { ...getInstead, 'blob-head': 'absorbed' },
  },
  {
    name: '200 where none fits',
    act: stall(200, { body: 'x', at: 0 }),
    times: for_ever,
    ends: [3, 5],
    only: 'writes',
  },
];

interface Bed {
  readonly plain: DockerRegistry;
  readonly tokens: DockerRegistry;
}

async function makeBed(): Promise<Bed> {
  const [plain, tokens] = await Promise.all([
    startDockerRegistry(),
    startDockerRegistry({ auth: 'token' }),
  ]);
  for (const { host } of [plain, tokens]) {
    const { client } = testClient({ credential: login() });
    await pushImage(client, { ...place, registry: host }, image, 'v1');
    await client.close();
  }
  return { plain, tokens };
}

const timeouts = {
  ...defaultRegistrySettings.timeouts,
  responseMs: 1000,
  commitMs: 1000,
  stall: { idleMs: 600, windowMs: 800, minBytesPerSecond: 200 },
  cleanupMs: 100,
};

/** Runs one cell; returns how it ended. */
async function runCell(bed: Bed, column: Column, row: Row): Promise<string> {
  const isToken = column.kind === 'token';
  const registry = isToken || row.withTokens === true ? bed.tokens : bed.plain;
  const fault: Rule = { kind: column.kind, times: row.times, act: row.act };
  const loop: Rule = { path: '/v2/loop', times: for_ever, act: row.act };
  const realm = registry.tokenServer?.realm ?? '';
  const upstream = isToken ? new URL(realm).origin : registry.url;
  await using faulty = await startFaultServer({
    upstream,
    rules: [fault, loop, ...(column.set ?? [])],
  });
  const front = isToken ? await tokenFront(registry, realm, faulty) : faulty;
  const { client } = testClient({
    credential: login(),
    settings: {
      timeouts,
      retry: { ...defaultRegistrySettings.retry, baseMs: 2, maxMs: 10, outageMs: 100 },
    },
  });
  try {
    await column.run(client, front.host);
    return 'absorbed';
  } catch (error) {
    const { exitCode, code } = error as BuildError;
    return exitCode === undefined ? `bug: ${(error as Error).message}` : `${exitCode} ${code}`;
  } finally {
    await client.close();
    if (front !== faulty) await front.close();
  }
}

/** A registry whose challenge names the faulty token server. */
function tokenFront(
  registry: DockerRegistry,
  realm: string,
  faulty: FaultServer,
): Promise<FaultServer> {
  const named = forward({
    changeHeaders: ({ 'www-authenticate': challenge, ...headers }) =>
      typeof challenge === 'string'
        ? { ...headers, 'www-authenticate': challenge.replace(new URL(realm).origin, faulty.url) }
        : headers,
  });
  return startFaultServer({ upstream: registry.url, rules: [{ times: for_ever, act: named }] });
}

t.test('F01 to F16 at every kind of request', { timeout: 270_000 }, async (t) => {
  const bed = await makeBed();
  const table: string[][] = [];
  for (const row of rows) {
    const cells = await Promise.all(
      columns.map(async (column) => {
        const expected = row.but?.[column.kind] ?? row.ends;
        const fits = row.only === undefined || column[row.only] === true;
        if (!fits || expected === 'n/a') return '-';
        const began = performance.now();
        const ended = await runCell(bed, column, row);
        const name = `${row.name} at ${column.kind}: ${ended}`;
        if (expected === 'absorbed') t.equal(ended, 'absorbed', name);
        else
          t.ok(
            expected.some((code) => ended.startsWith(`${code} `)),
            name,
          );
        t.ok(performance.now() - began < 30_000, `${row.name} at ${column.kind} ended in time`);
        return ended === 'absorbed' ? 'ok' : (ended.split(' ')[0] ?? '');
      }),
    );
    table.push([row.name, ...cells]);
    if (row.ends !== 'absorbed')
      await t.test(`${row.name}: no tag moved`, (t) => noTagMoved(t, registriesOf(bed, row)));
    else await dropTag(registriesOf(bed, row));
  }
  const head = ['', ...columns.map(({ kind }) => kind)];
  const widths = head.map((_, i) =>
    Math.max(...[head, ...table].map((line) => line[i]?.length ?? 0)),
  );
  for (const line of [head, ...table]) {
    t.comment(line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  '));
  }
  await Promise.all([bed.plain.close(), bed.tokens.close()]);
});

/** The registries that a row works on. */
function registriesOf(bed: Bed, row: Row): readonly DockerRegistry[] {
  return row.withTokens === true ? [bed.tokens] : [bed.plain, bed.tokens];
}

async function noTagMoved(
  t: { same(a: unknown, b: unknown): unknown },
  registries: readonly DockerRegistry[],
): Promise<void> {
  const { client } = testClient({ credential: login() });
  for (const { host } of registries) t.same(await repositoryAt(client, host).tags(), ['v1']);
  await client.close();
}

/** Puts the registries back to where only `v1` exists. */
async function dropTag(registries: readonly DockerRegistry[]): Promise<void> {
  const { client } = testClient({ credential: login() });
  for (const { host } of registries) {
    const repository = repositoryAt(client, host);
    if (!(await repository.tags()).includes('moved')) continue;
    await repository.deleteManifest(image.descriptor.digest);
    await repository.putManifest(image.manifest.raw, image.manifest.mediaType, ['v1']);
  }
  await client.close();
}
