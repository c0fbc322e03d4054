/** Item 70: lists of tags, as long and as odd as registries make them. */

import t from 'tap';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { reply, replyJson, replyWith } from '../support/fault-actions.ts';
import { startFaultServer } from '../support/fault-server.ts';
import { errorOf, imageOf, layerOf, pushImage, testClient } from './support.ts';

const all = Array.from({ length: 2500 }, (_, i) => `t${String(i).padStart(5, '0')}`);

async function tagsOf(rules: Parameters<typeof startFaultServer>[0]): Promise<{
  tags: readonly string[] | undefined;
  error: { code: string; message: string } | undefined;
  asked: readonly string[];
  authorized: readonly boolean[];
}> {
  await using server = await startFaultServer(rules);
  const { client } = testClient({ credential: { kind: 'bearer', token: 'secret', origin: 'x' } });
  try {
    const tags = client.repository({ registry: server.host, repository: 'app' }).tags();
    const [result] = await Promise.allSettled([tags]);
    const requests = server.requests.filter(({ kind }) => kind === 'tags');
    return {
      tags: result.status === 'fulfilled' ? result.value : undefined,
      error: result.status === 'rejected' ? result.reason : undefined,
      asked: requests.map(({ path }) => path),
      authorized: requests.map(({ headers }) => headers.authorization !== undefined),
    };
  } finally {
    await client.close();
  }
}

t.test('item 70: pages by Link', async (t) => {
  const { tags, asked } = await tagsOf({
    rules: [
      {
        kind: 'tags',
        times: 99,
        act: replyWith(({ path }) => {
          const from = Number(new URL(path, 'http://x').searchParams.get('from') ?? 0);
          const page = all.slice(from, from + 100);
          const more = from + 100 < all.length;
          const link = `</v2/app/tags/list?from=${from + 100}&n=100>; rel="next"`;
          return {
            status: 200,
            body: JSON.stringify({ name: 'app', tags: page }),
            headers: more ? { link } : {},
          };
        }),
      },
    ],
  });
  t.same(tags, all);
  t.equal(asked.length, 25);
});

t.test('item 70: pages by last', async (t) => {
  const { tags, asked } = await tagsOf({
    rules: [
      {
        kind: 'tags',
        times: 99,
        act: replyWith(({ path }) => {
          const query = new URL(path, 'http://x').searchParams;
          const from = all.indexOf(query.get('last') ?? '') + 1;
          const page = all.slice(from, from + Number(query.get('n')));
          return { status: 200, body: JSON.stringify({ tags: page }) };
        }),
      },
    ],
  });
  t.same(tags, all);
  t.equal(asked.length, 3);
  t.ok(
    asked.every((path) => path.includes('n=1000')),
    'ECR refuses more',
  );
});

t.test('item 70: a registry that ignores n and last', async (t) => {
  const page = all.slice(0, 1000);
  const { tags, asked } = await tagsOf({
    rules: [{ kind: 'tags', times: 99, act: replyJson(200, { tags: page }) }],
  });
  t.same(tags, page);
  t.equal(asked.length, 2);
});

t.test('item 70: links that lead in a circle or never end', async (t) => {
  const circle = await tagsOf({
    rules: [
      {
        kind: 'tags',
        times: 9999,
        act: replyJson(200, { tags: ['a', 'b'] }, { link: '</v2/app/tags/list?again>; rel=next' }),
      },
    ],
  });
  t.same(circle.tags, ['a', 'b']);
  t.equal(circle.asked.length, 2);
});

t.test('item 70: no tags, null tags, odd tags', async (t) => {
  for (const [body, expected] of [
    [{ tags: null }, []],
    [{}, []],
    [{ tags: [] }, []],
    [{ tags: ['b', 'a', 'b', '../x', 5, '-x', ''] }, ['a', 'b']],
  ] as const) {
    const { tags } = await tagsOf({ rules: [{ kind: 'tags', act: replyJson(200, body) }] });
    t.same(tags, expected);
  }
});

t.test('item 70: what is no list of tags', async (t) => {
  for (const act of [
    replyJson(200, { tags: 'x' }),
    reply(200, { body: '<html>' }),
    reply(200, { body: Buffer.alloc(17 * 1024 * 1024, 32) }),
  ]) {
    const { error } = await tagsOf({ rules: [{ kind: 'tags', times: 9, act }] });
    t.equal(error?.code, 'REGISTRY_PROTOCOL');
  }
});

t.test(
  'item 70: R02 a link to another host gets no authorization, one to a special address is refused',
  async (t) => {
    await using other = await startFaultServer({
      rules: [{ act: replyJson(200, { tags: ['z'] }) }],
    });
    const link = `<${other.url}/v2/app/tags/list?x>; rel="next"`;
    const { tags, authorized } = await tagsOf({
      rules: [{ kind: 'tags', act: replyJson(200, { tags: ['a'] }, { link }) }],
    });
    t.same(tags, ['a', 'z']);
    t.same(authorized, [true]);
    t.equal(other.requests[0]?.headers.authorization, undefined);
    const special = '<http://169.254.169.254/v2/app/tags/list>; rel="next"';
    const { error } = await tagsOf({
      rules: [{ kind: 'tags', act: replyJson(200, { tags: ['a'] }, { link: special }) }],
    });
    t.equal(error?.code, 'REGISTRY_REFUSED');
  },
);

t.test('item 70: the real registry, which does not sort', async (t) => {
  await using registry = await startDockerRegistry();
  const { client } = testClient();
  const place = { registry: registry.host, repository: 'app' };
  const image = imageOf([layerOf(10)]);
  await pushImage(client, place, image);
  const names = ['zz', 'b', 'A', '10', '9', '_x'];
  for (const name of names) {
    await client
      .repository(place)
      .putManifest(image.manifest.raw, image.manifest.mediaType, [name]);
  }
  t.same(await client.repository(place).tags(), [...names, 'latest'].toSorted());
  const missing = client.repository({ ...place, repository: 'missing' });
  t.equal((await errorOf(missing.tags())).code, 'IMAGE_NOT_FOUND');
  await client.close();
});

t.test('deleting tags and manifests', async (t) => {
  await using registry = await startDockerRegistry();
  const { client } = testClient();
  const place = { registry: registry.host, repository: 'app' };
  const image = imageOf([layerOf(10)]);
  await pushImage(client, place, image);
  const repository = client.repository(place);
  await repository.deleteManifest(image.descriptor.digest);
  t.equal((await errorOf(repository.resolve('latest'))).code, 'IMAGE_NOT_FOUND');
  t.equal(
    (await errorOf(repository.deleteManifest('missing'))).exitCode,
    5,
    '2.8 deletes by digest only',
  );
  await client.close();
});
