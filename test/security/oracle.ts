/**
 * The common oracle of hostile input (security.md 0.1): whatever was built from, afterwards nothing outside of the
 * store has changed, nothing half-made is visible in it, and the program ended by itself, in bounded memory, with the
 * right exit code and a last record that a machine can read.
 */

import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { leftovers, mountsOf, processesOf, program, type Workbench } from '../e2e/support.ts';
import { type Snapshot, snapshot } from '../layer/support/snapshot.ts';

/** How a build should end. */
export interface Expectation {
  readonly exitCode: number;
  /** Of what is printed for the user. */
  readonly says?: RegExp;
}

/** Mebibytes (I10), and seconds that are generous even on a machine with much else to do (I8). */
const limits = { memory: 300, seconds: 120 } as const;

/** Watches a workbench: things beside the store that no build may touch. */
export class Oracle {
  readonly bench: Workbench;
  /** A directory of the host that hostile input aims at. */
  readonly sentinel: string;
  readonly #before: Snapshot;
  #runs = 0;

  constructor(bench: Workbench) {
    this.bench = bench;
    this.sentinel = join(bench.directory, 'sentinel');
    mkdirSync(this.sentinel, { mode: 0o777 });
    // Anybody may write here: that nothing is written is not the kernel's merit.
    chmodSync(this.sentinel, 0o777);
    writeFileSync(join(this.sentinel, 'secret'), 'untouched', { mode: 0o666 });
    chmodSync(join(this.sentinel, 'secret'), 0o666);
    this.#before = snapshot(this.sentinel);
  }

  /** Runs a build of a builder image to its end and holds everything against the invariants. */
  async judge(t: Test, source: string, builder: string, expected: Expectation): Promise<void> {
    this.#runs += 1;
    const { bench } = this;
    const output = join(bench.directory, `output-${this.#runs}`);
    const peak = join(bench.directory, `peak-${this.#runs}`);
    const trees = this.#trees();
    const measured = ['--quiet', '-f', '%M', '-o', peak, process.execPath, program];
    const build = ['build', source, builder, `oci:${output}:1`, '--progress', 'jsonl'];
    const signal = AbortSignal.timeout(limits.seconds * 1000);
    const { code, stderr } = await bench.run('/usr/bin/time', [...measured, ...build], { signal });
    t.equal(
      code,
      expected.exitCode,
      code === expected.exitCode ? 'exit code' : stderr.slice(-2000),
    );
    this.#judgeRecords(t, stderr, expected);
    const megabytes = Number(readFileSync(peak, 'utf8')) / 1024;
    t.ok(megabytes < limits.memory, `${Math.round(megabytes)} MiB`);
    t.same(snapshot(this.sentinel), this.#before, 'the host is untouched');
    await this.#judgeStore(t);
    if (expected.exitCode === 3)
      t.same([this.#trees(), imagesOf(output)], [trees, 0], 'nothing came of it');
  }

  #judgeRecords(t: Test, stderr: string, { exitCode, says }: Expectation): void {
    const lines = stderr.trimEnd().split('\n');
    const records = lines.map((line) => parse(line));
    t.ok(
      !records.includes(undefined),
      lines[records.indexOf(undefined)] ?? 'every line is a record',
    );
    t.notMatch(stderr, /[\x00-\x09\x0b-\x1f\x7f\u202e]/, 'no control character');
    t.notMatch(stderr, /\\n +at .*\d+:\d+/, 'no stack trace');
    if (exitCode !== 0)
      t.match(records.at(-1), { type: 'result', ok: false, code: String, exitCode });
    if (says !== undefined) t.match(stderr, says);
  }

  async #judgeStore(t: Test): Promise<void> {
    const { home } = this.bench;
    t.same(await leftovers(home), [], 'nothing half-made in the store');
    t.same([...(await processesOf(home)), ...(await mountsOf(home))], [], 'nothing still runs');
    const blobs = join(home, 'store/blobs');
    for (const algorithm of existsSync(blobs) ? readdirSync(blobs) : [])
      for (const hex of readdirSync(join(blobs, algorithm))) {
        const bytes = readFileSync(join(blobs, algorithm, hex));
        if (createHash(algorithm).update(bytes).digest('hex') !== hex)
          t.fail(`a blob that is not ${hex} bears its name`);
      }
  }

  #trees(): readonly string[] {
    const path = join(this.bench.home, 'rootfs');
    return existsSync(path) ? readdirSync(path).sort() : [];
  }
}

/** How many images a layout has, if it is one. */
function imagesOf(layout: string): number {
  const index = join(layout, 'index.json');
  if (!existsSync(index)) return 0;
  return (JSON.parse(readFileSync(index, 'utf8')) as { manifests: unknown[] }).manifests.length;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
