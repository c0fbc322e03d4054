/** Item 69: registries.conf: mirrors in order, rewriting, blocking, and what mirrors are told. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { digestOf } from '../../../src/model/index.ts';
import { type defaultRegistrySettings, loadRegistriesConfig } from '../../../src/registry/index.ts';
import { parseRegistriesConfig } from '../../../src/registry/mirrors/parse.ts';
import { planPlaces } from '../../../src/registry/mirrors/places.ts';
import type { Mirror } from '../../../src/registry/mirrors/types.ts';
import { startDockerRegistry } from '../../support/docker-registry.ts';
import { cutRequest, forward, reply } from '../../support/fault-actions.ts';
import { startFaultServer } from '../../support/fault-server.ts';
import { errorOf, imageOf, layerOf, pushImage, readAll, testClient } from '../support.ts';

const image = imageOf([layerOf(5000)]);
const [layer] = image.blobs;

const example = `
unqualified-search-registries = ["docker.io"]
[aliases]
"node" = "docker.io/library/node"
[[registry]]
prefix = "docker.io"
location = "registry-1.docker.io"
[[registry.mirror]]
location = "mirror.corp/hub"
[[registry.mirror]]
location = "second.corp:5000"
insecure = true
pull-from-mirror = "digest-only"
[[registry]]
location = "docker.io/private"
blocked = true
[[registry]]
prefix = "*.example.com"
blocked = true
[[registry]]
prefix = "old.corp/team"
location = "new.corp/group/team"
[[registry]]
location = "digest.corp"
mirror-by-digest-only = true
[[registry.mirror]]
location = "m.corp"
`;

t.test('item 69: the longest prefix decides; names are rewritten', async (t) => {
  const config = parseRegistriesConfig(example, 'the example');
  t.same(planPlaces({ registry: 'docker.io', repository: 'library/node' }, config), {
    named: { registry: 'docker.io', repository: 'library/node', insecure: false },
    upstream: { registry: 'registry-1.docker.io', repository: 'library/node', insecure: false },
    mirrors: [
      { registry: 'mirror.corp', repository: 'hub/library/node', insecure: false, pullFrom: 'all' },
      {
        registry: 'second.corp:5000',
        repository: 'library/node',
        insecure: true,
        pullFrom: 'digest-only',
      },
    ],
  });
  t.match(planPlaces({ registry: 'old.corp', repository: 'team/app' }, config).upstream, {
    registry: 'new.corp',
    repository: 'group/team/app',
  });
  t.match(planPlaces({ registry: 'old.corp', repository: 'teams/app' }, config).upstream, {
    registry: 'old.corp',
    repository: 'teams/app',
  });
  t.match(planPlaces({ registry: 'digest.corp', repository: 'a' }, config).mirrors, [
    { registry: 'm.corp', pullFrom: 'digest-only' },
  ]);
  t.same(config.aliases, { node: 'docker.io/library/node' });
});

t.test('item 69: blocked registries are refused as a matter of policy', async (t) => {
  const config = parseRegistriesConfig(example, 'the example');
  for (const name of ['docker.io/private', 'sub.example.com/app', 'a.b.example.com:5000/app']) {
    const slash = name.indexOf('/');
    const { client } = testClient({ settings: { registries: config } });
    const place = { registry: name.slice(0, slash), repository: `${name.slice(slash + 1)}` };
    t.throws(() => client.repository(place), { code: 'POLICY_VIOLATION', exitCode: 15 }, name);
  }
  t.ok(planPlaces({ registry: 'example.com', repository: 'app' }, config));
  t.ok(planPlaces({ registry: 'docker.io', repository: 'privateer' }, config));
});

const pinned = digestOf('pinned');
const other = digestOf('other');
const single = `
[[registry]]
location = "a.com:5000"
[[registry]]
prefix = "a.com:5000/team/app:1"
location = "b.com/kept/app:1"
[[registry.mirror]]
location = "c.com/app"
[[registry]]
prefix = "a.com:5000/team/app:latest"
location = "d.com/app"
[[registry]]
prefix = "a.com:5000/team/app@${pinned}"
blocked = true
[[registry]]
prefix = "*.a.com/team"
insecure = true
[[registry.mirror]]
location = "m.com"
pull-from-mirror = "tag-only"
`;

t.test(
  'item 69: rules for one tag or digest, and for part of every host of a domain',
  async (t) => {
    const config = parseRegistriesConfig(single, 'the example');
    const app = { registry: 'a.com:5000', repository: 'team/app' };
    const plan = (reference: Parameters<typeof planPlaces>[0]) => planPlaces(reference, config);
    t.match(plan({ ...app, tag: '1' }), {
      upstream: { registry: 'b.com', repository: 'kept/app' },
      mirrors: [{ registry: 'c.com', repository: 'app' }],
    });
    for (const tag of ['11', 'v1'])
      t.match(plan({ ...app, tag }), { upstream: app, mirrors: [] }, tag);
    t.match(plan({ ...app, repository: 'team/app2', tag: '1' }).upstream.registry, 'a.com:5000');
    t.match(plan(app).upstream, { registry: 'd.com', repository: 'app' }, 'no tag means latest');
    t.match(plan({ ...app, digest: other }).upstream, app);
    t.throws(() => plan({ ...app, digest: pinned }), { code: 'POLICY_VIOLATION' });
    t.match(plan({ registry: 'x.a.com', repository: 'team/app' }), {
      named: { registry: 'x.a.com', repository: 'team/app', insecure: true },
      upstream: { registry: 'x.a.com', repository: 'team/app', insecure: true },
      mirrors: [{ registry: 'm.com', repository: 'app', pullFrom: 'tag-only' }],
    });
    t.equal(plan({ registry: 'x.a.com', repository: 'teams/app' }).upstream.insecure, false);
  },
);

t.test('item 69: mistakes in the file are named', async (t) => {
  for (const [text, why] of [
    ['[[registry', /cannot be read/],
    ['[registries.search]\nregistries = ["x"]', /version 1/],
    ['[[registry]]\ninsecure = true', /without prefix and location/],
    ['[[registry]]\nprefix = "a.com"', /has no location/],
    ['[[registry]]\nlocation = "a.com"\n[[registry.mirror]]\ninsecure = true', /mirror without/],
    [
      '[[registry]]\nlocation = "a.com"\n[[registry.mirror]]\nlocation = "b.com"\npull-from-mirror = "x"',
      /cannot be x/,
    ],
    [
      '[[registry]]\nlocation = "a.com"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "b.com"\npull-from-mirror = "all"',
      /b\.com has pull-from-mirror/,
    ],
    ['short-name-mode = "loose"', /short-name-mode cannot be loose/],
    [
      '[[registry]]\nprefix = "a.com/x:1"\nlocation = "b.com/x:2"',
      /b\.com\/x:2 is another image than a\.com\/x:1/,
    ],
    ['[[registry]]\nprefix = "a.com/x"\nlocation = "b.com/x:2"', /another image/],
  ] as const) {
    t.throws(() => parseRegistriesConfig(text, 'file'), { code: 'CONFIG_INVALID', message: why });
  }
});

t.test(
  'item 69: files: one that is named, else the user before the system, and drop-ins',
  async (t) => {
    const dir = t.testdir({
      'named.conf': '[[registry]]\nlocation = "named.corp"',
      user: {},
      system: {
        'registries.conf': '[[registry]]\nlocation = "system.corp"',
        'registries.conf.d': {
          '10-a.conf': '[[registry]]\nlocation = "drop.corp"\ninsecure = true',
          'ignored.txt': 'not toml [',
        },
      },
    });
    const prefixes = async (places: Parameters<typeof loadRegistriesConfig>[0]) =>
      (await loadRegistriesConfig(places)).rules.map(({ prefix }) => prefix);
    const directories = [join(dir, 'user'), join(dir, 'system')];
    t.same(await prefixes({ directories }), ['system.corp', 'drop.corp']);
    await writeFile(join(dir, 'user/registries.conf'), '[[registry]]\nlocation = "user.corp"');
    t.same(await prefixes({ directories }), ['user.corp', 'drop.corp']);
    await mkdir(join(dir, 'user/registries.conf.d'));
    await writeFile(
      join(dir, 'user/registries.conf.d/x.conf'),
      '[[registry]]\nlocation = "drop.corp"',
    );
    const merged = await loadRegistriesConfig({ directories });
    t.equal(merged.rules.find(({ prefix }) => prefix === 'drop.corp')?.insecure, false);
    t.same(await prefixes({ file: join(dir, 'named.conf'), directories }), ['named.corp']);
    t.same(await prefixes({ directories: [join(dir, 'nowhere')] }), []);
    await t.rejects(prefixes({ file: join(dir, 'missing.conf'), directories }), {
      code: 'CONFIG_INVALID',
    });
  },
);

/** A registry called registry.test that is only reachable through mirrors, or at a given address. */
function mirrored(
  upstream: string,
  mirrors: readonly (Pick<Mirror, 'location'> & Partial<Mirror>)[],
  prefix = 'registry.test',
): typeof defaultRegistrySettings.registries {
  return {
    aliases: {},
    searchRegistries: [],
    rules: [
      {
        prefix,
        location: upstream,
        insecure: false,
        blocked: false,
        mirrors: mirrors.map(({ location, pullFrom = 'all' }) => ({
          location,
          insecure: false,
          pullFrom,
        })),
      },
    ],
  };
}

t.test('item 69: mirrors are asked in order, then the registry', async (t) => {
  await using registry = await startDockerRegistry();
  await using full = await startDockerRegistry();
  const seed = testClient();
  for (const { host } of [registry, full]) {
    await pushImage(seed.client, { registry: host, repository: 'app' }, image);
  }
  await seed.client.close();
  await using broken = await startFaultServer({ rules: [{ times: 99, act: cutRequest() }] });
  await using empty = await startFaultServer({ rules: [{ times: 99, act: reply(404) }] });
  await using good = await startFaultServer({ upstream: full.url });
  await using upstream = await startFaultServer({ upstream: registry.url });
  const locations = [broken, empty, good].map(({ host }) => ({ location: host }));
  const { client, messages } = testClient({
    settings: { registries: mirrored(upstream.host, locations) },
  });
  const repository = client.repository({ registry: 'registry.test', repository: 'app' });
  const found = await repository.resolve('latest');
  t.same(found, image.descriptor);
  t.same(await repository.fetchManifest(found), image.manifest.raw);
  t.same(await readAll(await repository.openBlob(layer?.descriptor as never)), layer?.bytes);
  t.equal(upstream.requests.length, 0, 'the registry itself was not needed');
  t.ok(broken.requests.length <= 4, 'a broken mirror is left alone');
  t.ok(empty.kinds().includes('blob-get'), 'one that lacks something is asked for other things');
  t.match(messages('info').join(), /asking the next registry/);
  await client.close();
});

t.test('item 69: digest-only mirrors do not answer for tags', async (t) => {
  await using registry = await startDockerRegistry();
  const seed = testClient();
  await pushImage(seed.client, { registry: registry.host, repository: 'app' }, image);
  await seed.client.close();
  await using mirror = await startFaultServer({ upstream: registry.url });
  await using upstream = await startFaultServer({ upstream: registry.url });
  for (const [pullFrom, tagAt, digestAt] of [
    ['digest-only', upstream, mirror],
    ['tag-only', mirror, upstream],
  ] as const) {
    const { client } = testClient({
      settings: { registries: mirrored(upstream.host, [{ location: mirror.host, pullFrom }]) },
    });
    const repository = client.repository({ registry: 'registry.test', repository: 'app' });
    mirror.reset();
    upstream.reset();
    const found = await repository.resolve('latest');
    await repository.fetchManifest(found);
    t.ok(tagAt.kinds().includes('manifest-head'), pullFrom);
    t.ok(digestAt.kinds().includes('manifest-get'), pullFrom);
    t.equal(
      [...tagAt.kinds(), ...digestAt.kinds()].filter((k) => k.startsWith('manifest')).length,
      2,
    );
    await client.close();
  }
});

t.test(
  'item 69: what is pushed goes where it was said to go, and mirrors get no credentials of the registry',
  async (t) => {
    await using registry = await startDockerRegistry();
    await using mirror = await startFaultServer({ upstream: registry.url });
    await using upstream = await startFaultServer({ upstream: registry.url });
    const asked: string[] = [];
    const { client } = testClient({
      credentials: {
        find: async (host) => {
          asked.push(host);
          return host === mirror.host
            ? undefined
            : { kind: 'bearer', token: 'secret', origin: 'x' };
        },
      },
      settings: {
        registries: mirrored(mirror.host, [{ location: mirror.host }], upstream.host),
      },
    });
    const place = { registry: upstream.host, repository: 'app' };
    await pushImage(client, place, image);
    t.equal(mirror.requests.length, 0);
    t.ok(upstream.requests.some(({ headers }) => headers.authorization === 'Bearer secret'));
    await client.repository(place).resolve('latest');
    t.ok(mirror.requests.length > 0);
    t.ok(mirror.requests.every(({ headers }) => headers.authorization === undefined));
    await client.close();
  },
);

t.test('item 69: when all fail, the error is that of the registry itself', async (t) => {
  await using mirror = await startFaultServer({ rules: [{ times: 99, act: reply(500) }] });
  await using upstream = await startFaultServer({ rules: [{ times: 99, act: reply(404) }] });
  const { client } = testClient({
    settings: { registries: mirrored(upstream.host, [{ location: mirror.host }]) },
  });
  const repository = client.repository({ registry: 'registry.test', repository: 'app' });
  const error = await errorOf(repository.resolve('1'));
  t.equal(error.code, 'IMAGE_NOT_FOUND');
  t.match(error.message, upstream.host);
  await client.close();
});

t.test('item 69: F06 damaged content of a mirror: the next attempt goes elsewhere', async (t) => {
  await using registry = await startDockerRegistry();
  const seed = testClient();
  await pushImage(seed.client, { registry: registry.host, repository: 'app' }, image);
  await seed.client.close();
  await using mirror = await startFaultServer({
    upstream: registry.url,
    rules: [{ kind: 'blob-get', times: 99, act: forward({ flipAt: 100 }) }],
  });
  const { client } = testClient({
    settings: { registries: mirrored(registry.host, [{ location: mirror.host }]) },
  });
  const repository = client.repository({ registry: 'registry.test', repository: 'app' });
  const read = async () => readAll(await repository.openBlob(layer?.descriptor as never));
  t.equal((await errorOf(read())).code, 'DIGEST_MISMATCH');
  t.same(await read(), layer?.bytes);
  await client.close();
});
