/** In a process of its own the parser of undici is compiled once, and what is compiled afterwards is optimized as ever. */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import t from 'tap';

const run = promisify(execFile);
const node = process.execPath;
const transport = new URL('../../../dist/registry/http/undici-transport.js', import.meta.url);

const server = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1');
await once(server, 'listening');
t.teardown(() => {
  server.closeAllConnections();
  server.close();
});
const { port } = server.address() as AddressInfo;

/** JavaScript, because Node strips types by WebAssembly too. */
const shared = `
  import { text } from 'node:stream/consumers';
  import { undiciTransport } from ${JSON.stringify(transport.href)};
  const url = new URL('http://127.0.0.1:${port}/');
  const settings = { insecure: [], caFiles: [], certificateDirectories: [], proxy: {}, connectMs: 1000 };
  const { send } = undiciTransport({ ...settings, ownProcess: process.argv[1] === 'own' });
  const { signal } = new AbortController();
  const ask = async () => text((await send({ method: 'GET', url, headers: {}, reach: 'any', signal })).body);
`;

/** Has V8 tell of every compilation, and optimize at once instead of on another thread. */
const flags = ['--trace-wasm-compilation-times', '--wasm-sync-tier-up'];

const manyAnswers = 'for (let i = 0; i < 200; i += 1) await ask();';

/** What V8 says of the compilation of WebAssembly while a process works. */
async function compilations(process: 'own' | 'shared', work: string): Promise<string> {
  const script = [shared, work, 'process.exit()'].join('\n');
  const { stdout } = await run(node, [...flags, '--input-type=module', '--eval', script, process]);
  return stdout;
}

t.test('many answers do not have it optimized', async (t) => {
  const told = await compilations('own', manyAnswers);
  t.match(told, /using Liftoff/, 'V8 tells');
  t.notMatch(told, /using TurboFan/);
});

t.test('in a process of others they do', async (t) => {
  t.match(await compilations('shared', manyAnswers), /using TurboFan/);
});

t.test('other WebAssembly is optimized after the first answer', async (t) => {
  // (func (export "f") (local i32) (loop ...)), which counts to a hundred million
  const counting = [
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 4, 1, 0x60, 0, 0],
    ...[3, 2, 1, 0],
    ...[7, 5, 1, 1, 0x66, 0, 0],
    ...[10, 24, 1, 22, 1, 1, 0x7f, 0x03, 0x40, 0x20, 0, 0x41, 1, 0x6a, 0x22, 0],
    ...[0x41, 0x80, 0xc2, 0xd7, 0x2f, 0x48, 0x0d, 0, 0x0b, 0x0b],
  ];
  const work = `
    await ask();
    const module = new WebAssembly.Module(new Uint8Array(${JSON.stringify(counting)}));
    new WebAssembly.Instance(module).exports.f();
  `;
  t.match(await compilations('own', work), /using TurboFan/);
});
