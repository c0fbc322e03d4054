/**
 * The matrix: every environment people build in, recreated. In each doctor names the chain, a real build
 * of the Node example with `npm install` takes it and pushes, and the layer is the same to the last byte.
 */

import { realpathSync } from 'node:fs';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { DoctorReport } from '../../src/runtime/index.ts';
import { runInPod } from '../runtime/support/pod.ts';
import { environments } from '../runtime/support/pods.ts';
import { builderRootfs } from '../support/builder-rootfs.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { pushBuilder } from '../support/images.ts';
import { openWorkbench, program, succeed } from './support.ts';

t.setTimeout(1_200_000);

const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const authorities = '/etc/ssl/certs/ca-certificates.crt';
const rows = ['P1', 'P3', "P4'", 'P4b', 'P5c', 'P6', 'P7a', 'P7b', 'P8'];

interface Result {
  readonly executor: string;
  readonly isolation: string;
  readonly storage: string;
  readonly idMapping: string;
  readonly layers: readonly { readonly digest: string }[];
}

interface Row {
  readonly id: string;
  readonly name: string;
  readonly result: Result;
}

/** Prints a line of JSON with the report of doctor, then one with the result of the build. */
const script = `
  export S2OCI_HOME=/volume/s2oci HOME=/volume
  node=$0 program=$1; shift
  "$node" "$program" doctor --json
  "$node" "$program" build "$@" --metadata-file /volume/result.json >&2 || exit
  tr -d '\\n' </volume/result.json
`;

if (process.getuid?.() !== 0) {
  t.fail('recreating pods needs root: run this test as root, what it tests is not root');
} else {
  t.test('one layer digest in every environment', async (t) => {
    await using registry = await startDockerRegistry();
    const builder = `${registry.host}/builders/node:24`;
    await pushBuilder('node', builder);
    const found = [await onThisMachine(builder, registry.host)];
    const expected = found[0]?.result.layers.at(-1)?.digest;
    for (const id of rows) {
      await t.test(`${id}: ${environments[id]?.name}`, async (t) => {
        const environment = environments[id];
        if (environment === undefined) throw new Error(`there is no ${id}`);
        const { pod, chain, name } = environment;
        const inBuilder = chain.executor === 'in-builder';
        const tag = `${registry.host}/apps/${id.toLowerCase().replace("'", 'x')}:1`;
        const build = [`${checkout}/examples/node-app`, builder, tag, '--ca-bundle', authorities];
        const node = inBuilder ? '/usr/local/bin/node' : process.execPath;
        const ran = await runInPod(
          pod,
          ['sh', '-c', script, node, program, ...build],
          inBuilder ? await asBuilder() : {},
        );
        succeed(t, ran);
        const [doctor = '{}', metadata = '{}'] = ran.stdout.split('\n');
        const report = JSON.parse(doctor) as DoctorReport;
        const { mapping, storage, executor, isolation } = report.chain;
        t.same({ mapping, storage, executor, isolation }, chain, 'doctor names the chain');
        const result = JSON.parse(metadata) as Result;
        t.match(result, { executor, isolation, storage }, 'the build takes it');
        t.equal(result.layers.at(-1)?.digest, expected, 'the layer is the same');
        found.push({ id, name, result });
      });
    }
    t.comment(`layer ${expected} everywhere:\n${found.map(lineOf).join('\n')}`);
  });
}

async function onThisMachine(builder: string, host: string): Promise<Row> {
  await using bench = await openWorkbench();
  const source = join(bench.directory, 'app');
  const metadata = join(bench.directory, 'result.json');
  await cp(join(checkout, 'examples/node-app'), source, { recursive: true });
  const flags = ['--ca-bundle', authorities, '--metadata-file', metadata];
  const built = await bench.s2oci(['build', source, builder, `${host}/apps/p0:1`, ...flags]);
  if (built.code !== 0) throw new Error(built.stderr);
  const result = JSON.parse(await readFile(metadata, 'utf8')) as Result;
  return { id: 'P0', name: 'a machine of its own, a user with subordinate ids', result };
}

/** The job's image is the builder image; the program and the certificates come on volumes. */
async function asBuilder() {
  const mounted = [checkout, realpathSync(join(checkout, 'node_modules')), authorities];
  const names = [...mounted, '/etc/resolv.conf', '/etc/hosts'];
  return {
    image: await builderRootfs('node'),
    mounts: names.map((path) => [path, path] as const),
  };
}

function lineOf({ id, name, result }: Row): string {
  const { idMapping, storage, executor, isolation } = result;
  const cells = [
    id.padEnd(4),
    isolation,
    executor.padEnd(10),
    storage.padEnd(8),
    idMapping.padEnd(6),
  ];
  return [...cells, name].join('  ');
}
