/** Pulling into the local store: items 26 and 27 of the registry checklist. */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { hexOf } from '../../src/model/index.ts';
import { openStore } from '../../src/store/index.ts';
import { drip, replyWith } from '../support/fault-actions.ts';
import { startFaultServer } from '../support/fault-server.ts';
import { layerOf, testClient } from './support.ts';

const run = promisify(execFile);
const child = fileURLToPath(new URL('store-child.ts', import.meta.url));
const layer = layerOf(2_000_000);
const { digest, size } = layer.descriptor;
const whole = replyWith(() => ({ status: 200, body: layer.bytes }));
const gets = (kinds: readonly string[]): number =>
  kinds.filter((kind) => kind === 'blob-get').length;

t.test('item 26: one digest that is needed six times is downloaded once', async (t) => {
  await using server = await startFaultServer({
    rules: [{ kind: 'blob-get', times: 9, act: whole }],
  });
  const { client } = testClient();
  const repository = client.repository({ registry: server.host, repository: 'app' });
  await using store = await openStore(t.testdir({}));
  const source = { open: repository.openBlob.bind(repository) };
  const outcomes = await Promise.all(
    Array.from({ length: 6 }, () => store.fetch(layer.descriptor, source)),
  );
  t.equal(gets(server.kinds()), 1);
  t.equal(outcomes.filter((outcome) => outcome === 'fetched').length, 1);
  t.same(await readFile(await store.pathOf(digest)), layer.bytes);
  await client.close();
});

t.test('item 26: two processes that share a store download once', async (t) => {
  const slow = drip(200, { body: layer.bytes, bytes: 200_000, everyMs: 50 });
  await using server = await startFaultServer({
    rules: [{ kind: 'blob-get', times: 9, act: slow }],
  });
  const home = t.testdir({});
  const args = [child, home, server.host, digest, String(size)];
  const ended = await Promise.all([1, 2, 3].map(() => run(process.execPath, args)));
  t.same(ended.map(({ stdout }) => stdout.trim()).toSorted(), ['fetched', 'present', 'present']);
  t.equal(gets(server.kinds()), 1);
});

t.test('item 27: a download that is killed leaves nothing that looks whole', async (t) => {
  const slow = drip(200, { body: layer.bytes, bytes: 100_000, everyMs: 100 });
  await using server = await startFaultServer({
    rules: [
      { kind: 'blob-get', times: 3, act: slow },
      { kind: 'blob-get', times: 9, act: whole },
    ],
  });
  const home = t.testdir({});
  for (const afterMs of [50, 400, 900]) {
    const before = gets(server.kinds());
    const killed = spawn(process.execPath, [child, home, server.host, digest, String(size)], {
      stdio: 'ignore',
    });
    while (gets(server.kinds()) === before) await new Promise((resolve) => setTimeout(resolve, 20));
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    const blobs = await readdir(join(home, 'store/blobs/sha256')).catch((): string[] => []);
    const found = blobs.filter((name) => name === hexOf(digest));
    t.same(found, [], `${afterMs} ms into the download`);
  }
  const { stdout } = await run(process.execPath, [child, home, server.host, digest, String(size)]);
  t.equal(stdout.trim(), 'fetched');
  await using store = await openStore(home);
  t.same(await readFile(await store.pathOf(digest)), layer.bytes);
  t.same((await store.verify()).damaged, []);
});
