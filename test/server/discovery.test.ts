import t from 'tap';
import {
  composeIndex,
  type Descriptor,
  descriptorOf,
  digestOf,
  mediaTypes,
} from '../../src/model/index.ts';
import {
  errorCode,
  manifestBytes,
  pushBlob,
  pushManifest,
  send,
  startTestRegistry,
} from './client.ts';

interface Listing {
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
}

async function tagsOf(host: string, query = ''): Promise<{ tags: string[]; link: unknown }> {
  const { body, headers } = await send(host, 'GET', `/v2/a/tags/list${query}`);
  return { tags: (JSON.parse(body.toString()) as { tags: string[] }).tags, link: headers['link'] };
}

/** The target of a Link header of relation next. */
function nextOf(link: unknown): string | undefined {
  return /^<([^>]+)>; rel="next"$/.exec(String(link))?.[1];
}

t.test('tags are listed in ASCII order, whole and in pages', async (t) => {
  const { host } = await startTestRegistry(t);
  const config = await pushBlob(host, 'a', '{}');
  const bytes = manifestBytes({ config });
  const tags = ['10', '9', 'B', '_', 'a', 'b', 'latest'].toSorted();
  for (const tag of tags.toReversed()) await pushManifest(host, 'a', tag, bytes);
  t.same(await tagsOf(host), { tags, link: undefined });
  t.same(await tagsOf(host, '?n=0'), { tags: [], link: undefined });
  t.same(await tagsOf(host, '?n=99'), { tags, link: undefined });
  t.same(await tagsOf(host, '?last=a'), { tags: ['b', 'latest'], link: undefined });
  t.same(await tagsOf(host, '?last=aa&n=1'), {
    tags: ['b'],
    link: '</v2/a/tags/list?n=1&last=b>; rel="next"',
  });
  const seen: string[] = [];
  for (let path: string | undefined = '/v2/a/tags/list?n=2'; path !== undefined; ) {
    const { body, headers } = await send(host, 'GET', path);
    seen.push(...(JSON.parse(body.toString()) as { tags: string[] }).tags);
    path = nextOf(headers['link']);
  }
  t.same(seen, tags);
});

t.test('a repository exists from its first content on', async (t) => {
  const { host } = await startTestRegistry(t);
  const unknown = await send(host, 'GET', '/v2/a/tags/list');
  t.same([unknown.status, errorCode(unknown)], [404, 'NAME_UNKNOWN']);
  await pushBlob(host, 'a/b', 'x');
  t.equal((await send(host, 'GET', '/v2/a/tags/list')).status, 404, 'a parent is no repository');
  const { status, body } = await send(host, 'GET', '/v2/a/b/tags/list');
  t.same([status, JSON.parse(body.toString())], [200, { name: 'a/b', tags: [] }]);
  for (const n of ['-1', 'x', '1e9', '1.5', '']) {
    t.equal((await send(host, 'GET', `/v2/a/b/tags/list?n=${n}`)).status, 400, `n=${n}`);
  }
});

async function referrersOf(host: string, subject: string, query = '') {
  const path = `/v2/a/referrers/${subject}${query}`;
  const { status, headers, body } = await send(host, 'GET', path);
  const listing = JSON.parse(body.toString()) as Listing;
  return { status, headers, listing, digests: listing.manifests.map(({ digest }) => digest) };
}

t.test(
  'referrers are listed with type and annotations, before and after their subject',
  async (t) => {
    const { host } = await startTestRegistry(t);
    const config = await pushBlob(host, 'a', '{}');
    const empty = { ...config, mediaType: mediaTypes.ociEmpty };
    const image = manifestBytes({ config });
    const subject = descriptorOf(image, mediaTypes.ociManifest);
    const annotations = { 'org.example.note': 'one' };
    const sbom = manifestBytes({
      config: empty,
      artifactType: 'application/sbom',
      subject,
      annotations,
    });
    const signature = manifestBytes({
      config: { ...config, mediaType: 'application/sig' },
      subject,
    });
    const index = composeIndex([], { subject });
    for (const [bytes, type] of [
      [sbom, mediaTypes.ociManifest],
      [signature, mediaTypes.ociManifest],
      [index.raw, mediaTypes.ociIndex],
    ] as const) {
      const reply = await pushManifest(host, 'a', digestOf(bytes), bytes, { 'Content-Type': type });
      t.same([reply.status, reply.headers['oci-subject']], [201, subject.digest]);
    }
    const plain = await pushManifest(host, 'a', '1', image);
    t.same([plain.status, plain.headers['oci-subject']], [201, undefined]);
    const { headers, listing } = await referrersOf(host, subject.digest);
    t.equal(headers['content-type'], mediaTypes.ociIndex);
    t.equal(headers['oci-filters-applied'], undefined);
    t.equal(listing.mediaType, mediaTypes.ociIndex);
    const expected = [
      {
        ...descriptorOf(sbom, mediaTypes.ociManifest),
        artifactType: 'application/sbom',
        annotations,
      },
      { ...descriptorOf(signature, mediaTypes.ociManifest), artifactType: 'application/sig' },
      descriptorOf(index.raw, mediaTypes.ociIndex),
    ];
    t.same(
      listing.manifests,
      expected.toSorted((a, b) => (a.digest < b.digest ? -1 : 1)),
    );
  },
);

t.test('referrers can be filtered by artifact type', async (t) => {
  const { host } = await startTestRegistry(t);
  const config = await pushBlob(host, 'a', '{}');
  const subject = descriptorOf(Buffer.from('anything'), mediaTypes.ociManifest);
  const attach = async (artifactType: string) => {
    const bytes = manifestBytes({ config, artifactType, subject });
    await pushManifest(host, 'a', digestOf(bytes), bytes);
    return digestOf(bytes);
  };
  const one = await attach('application/one+json');
  await attach('application/two');
  const query = `?artifactType=${encodeURIComponent('application/one+json')}`;
  const filtered = await referrersOf(host, subject.digest, query);
  t.same(filtered.digests, [one]);
  t.equal(filtered.headers['oci-filters-applied'], 'artifactType');
  const none = await referrersOf(host, subject.digest, '?artifactType=application/three');
  t.same([none.status, none.digests], [200, []]);
});

t.test('a deleted referrer is not listed; nobody refers to what nobody knows', async (t) => {
  const { host } = await startTestRegistry(t);
  const config = await pushBlob(host, 'a', '{}');
  const subject = descriptorOf(Buffer.from('anything'), mediaTypes.ociManifest);
  const bytes = manifestBytes({ config, subject });
  await pushManifest(host, 'a', digestOf(bytes), bytes);
  t.same((await referrersOf(host, subject.digest)).digests, [digestOf(bytes)]);
  await send(host, 'DELETE', `/v2/a/manifests/${digestOf(bytes)}`);
  t.same((await referrersOf(host, subject.digest)).digests, []);
  const elsewhere = await send(host, 'GET', `/v2/never/heard/of/referrers/${subject.digest}`);
  t.equal(elsewhere.status, 200);
  t.equal((await send(host, 'GET', '/v2/a/referrers/sha256:short')).status, 400);
});

t.test('a long list of referrers comes in pages', async (t) => {
  const { host } = await startTestRegistry(t);
  const config = await pushBlob(host, 'a', '{}');
  const subject = descriptorOf(Buffer.from('anything'), mediaTypes.ociManifest);
  const expected = new Set<string>();
  for (let i = 0; i < 8; i += 1) {
    const annotations = { i: String(i), filler: 'x'.repeat(400_000) };
    const bytes = manifestBytes({ config, artifactType: 'x/y', subject, annotations });
    await pushManifest(host, 'a', digestOf(bytes), bytes);
    expected.add(digestOf(bytes));
  }
  const pages: string[][] = [];
  let path: string | undefined = `/v2/a/referrers/${subject.digest}?artifactType=x/y`;
  while (path !== undefined) {
    const { body, headers } = await send(host, 'GET', path);
    t.ok(body.length < 4 * 1024 * 1024, 'a page is no larger than a manifest');
    const listing = JSON.parse(body.toString()) as Listing;
    pages.push(listing.manifests.map(({ digest }) => digest));
    path = nextOf(headers['link']);
  }
  t.same(
    pages.map((page) => page.length),
    [3, 3, 2],
  );
  t.same(new Set(pages.flat()), expected);
});
