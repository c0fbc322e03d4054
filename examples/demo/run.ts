/**
 * The main job on an embedded default: no outside registry, no root, no daemon.
 *
 * Types the commands that a user would type and shows them: serve a registry, make a builder image,
 * build an application, run it, change one file, build again. Leaves nothing running.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeDemoBuilder } from './builder.ts';

const s2oci = new URL('../../dist/program/main.js', import.meta.url).pathname;
const app = new URL('../node-app', import.meta.url).pathname;

interface Metadata {
  readonly image: string;
  readonly phases: readonly { phase: string; milliseconds: number; detail?: string }[];
  readonly transfer: { pulled: number; mounted: number; pushed: number; skipped: number };
  readonly incremental: { used: boolean; reason: string; restoredBytes: number };
}

const work = await mkdtemp(join(tmpdir(), 's2oci-demo-'));
const env = { ...process.env, S2OCI_HOME: join(work, 'home') };
const children: ChildProcess[] = [];
let failed = false;
try {
  await demo();
} catch (error) {
  failed = true;
  say(`The demo failed: ${error instanceof Error ? error.message : String(error)}`);
  say(
    'The demo makes a builder image of its own, which takes namespaces, or root. What there is here:',
  );
  await command(['doctor']).catch(() => {});
} finally {
  await Promise.all(children.map(stop));
  await command(['store', 'prune', '--all'], { quiet: true }).catch(() => {});
  await rm(work, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;

async function demo(): Promise<void> {
  say('A registry of our own, on a free port of this machine');
  const registry = await serveRegistry();
  const builder = `${registry}/builders/node:24`;
  const image = `${registry}/apps/hello:1`;

  say('A builder image made of the Node that runs this demo');
  const layout = await makeDemoBuilder(join(work, 'builder'));
  await command(['copy', layout, builder]);

  say('Source to image');
  const source = join(work, 'node-app');
  await cp(app, source, { recursive: true });
  const first = await build(source, builder, image, []);
  await showAnswer(first.image);

  say('One file edited, built again incrementally');
  const file = join(source, 'message.txt');
  await writeFile(file, `${(await readFile(file, 'utf8')).trim()} And again, after one edit.\n`);
  const second = await build(source, builder, image, ['--incremental']);
  await showAnswer(second.image);
  process.stdout.write(`\nReused: ${second.incremental.reason}\n`);
  printTable(first, second);
}

async function serveRegistry(): Promise<string> {
  show(['registry', 'serve', '--port', '0', join(work, 'registry')]);
  const child = spawn(
    process.execPath,
    [s2oci, 'registry', 'serve', '--port', '0', join(work, 'registry')],
    {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  children.push(child);
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return line.trim();
}

async function build(
  source: string,
  builder: string,
  image: string,
  flags: readonly string[],
): Promise<Metadata> {
  const metadata = join(work, 'result.json');
  const trust = await trustFlags();
  await command(['build', source, builder, image, ...flags, ...trust, '--metadata-file', metadata]);
  return JSON.parse(await readFile(metadata, 'utf8')) as Metadata;
}

/** A package registry behind a private certificate authority is the usual case in companies. */
async function trustFlags(): Promise<string[]> {
  const bundle = process.env['NODE_EXTRA_CA_CERTS'] ?? process.env['SSL_CERT_FILE'];
  return bundle === undefined ? [] : ['--ca-bundle', bundle];
}

async function showAnswer(image: string): Promise<void> {
  const port = await freePort();
  const args = ['run', '-e', `PORT=${port}`, image];
  show(args);
  const child = spawn(process.execPath, [s2oci, ...args], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  children.push(child);
  const url = `http://127.0.0.1:${port}/`;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`the application ended with ${child.exitCode}`);
    const answer = await fetch(url).then(
      (response) => response.text(),
      () => undefined,
    );
    if (answer !== undefined) {
      process.stdout.write(`\n  GET ${url}\n  ${answer.trim().replaceAll('\n', '\n  ')}\n`);
      await stop(child);
      return;
    }
    await sleep(100);
  }
  throw new Error(`the application did not answer on ${url}`);
}

async function command(args: readonly string[], options: { quiet?: boolean } = {}): Promise<void> {
  if (!options.quiet) show(args);
  const child = spawn(process.execPath, [s2oci, ...args], {
    env,
    stdio: options.quiet ? 'ignore' : ['ignore', 'inherit', 'inherit'],
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`s2oci ${args[0]} ended with exit code ${code}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await Promise.race([
    ended,
    sleep(5000, undefined, { ref: false }).then(() => child.kill('SIGKILL')),
  ]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function printTable(first: Metadata, second: Metadata): void {
  const rows: (readonly [string, string, string])[] = [['', 'first build', 'rebuild']];
  const names = second.phases.map(({ phase }) => phase);
  const time = (metadata: Metadata, name: string) => {
    const found = metadata.phases.find(({ phase }) => phase === name);
    return found === undefined ? '-' : `${(found.milliseconds / 1000).toFixed(2)} s`;
  };
  for (const name of names) rows.push([name, time(first, name), time(second, name)]);
  for (const kind of ['pulled', 'mounted', 'pushed', 'skipped'] as const) {
    rows.push([`bytes ${kind}`, megabytes(first.transfer[kind]), megabytes(second.transfer[kind])]);
  }
  const lines = rows.map(
    ([name, a, b]) => `  ${name.padEnd(16)}${a.padStart(14)}${b.padStart(14)}`,
  );
  process.stdout.write(`\n${lines.join('\n')}\n`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}

function show(args: readonly string[]): void {
  process.stdout.write(`\n$ s2oci ${args.join(' ')}\n`);
}

function say(text: string): void {
  process.stdout.write(`\n== ${text}\n`);
}
