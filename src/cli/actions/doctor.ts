/** `s2oci doctor`: what this machine allows, and what would help. */

import { mkdir } from 'node:fs/promises';
import {
  compareIsolation,
  diagnose,
  type IsolationLevel,
  renderDoctor,
  searchTools,
} from '../../runtime/index.ts';
import { flagOption, type Invocation } from '../command.ts';
import { compileCacheDirectory } from '../compile-cache.ts';
import { loadSettings } from '../wiring.ts';

/** The exit code when no executor reaches the level that was asked for: that of RUNTIME_UNAVAILABLE. */
const unusable = 10;

/** Probes the machine; returns 0 when builds can run at the wanted isolation. */
export async function runDoctor(invocation: Invocation): Promise<number> {
  const { io, options } = invocation;
  const config = await loadSettings(invocation);
  await mkdir(config.values.home, { recursive: true });
  const report = await diagnose(
    {
      tools: searchTools(io.env['PATH']),
      env: io.env,
      node: io.node,
      directory: config.values.home,
      compileCache: compileCacheDirectory(io.env),
    },
    io.signal,
  );
  io.stdout.write(
    flagOption(options, 'json') ? `${JSON.stringify(report)}\n` : renderDoctor(report),
  );
  return enough(report.chain.isolation, config.values.minIsolation) ? 0 : unusable;
}

function enough(found: IsolationLevel | undefined, wanted: IsolationLevel | undefined): boolean {
  return found !== undefined && (wanted === undefined || compareIsolation(found, wanted) <= 0);
}
