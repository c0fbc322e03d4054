/** `s2oci doctor`: what this machine allows, and what would help. */

import { mkdir } from 'node:fs/promises';
import {
  compareIsolation,
  diagnose,
  type IsolationLevel,
  renderDoctor,
  searchTools,
} from '../../runtime/index.ts';
import { type CommandSpec, flagOption, type Invocation } from '../command.ts';
import { loadSettings } from '../wiring.ts';

/** The exit code when no executor reaches the level that was asked for: that of RUNTIME_UNAVAILABLE. */
const unusable = 10;

/** Probes the machine by doing what builds do. */
export const doctorCommand: CommandSpec = {
  name: 'doctor',
  summary: 'say what this machine allows builds to do',
  description:
    'Looks at the machine and tries what builds would do: id mappings, overlay mounts, executors. Says what a build would use, how isolated it would be, and which change would help. Ends with 0 when builds can run at the wanted isolation, else with 10.',
  options: [
    { flags: '--json', description: 'print JSON' },
    {
      flags: '--min-isolation <level>',
      description: 'level that is needed',
      choices: ['A', 'B', 'C', 'D', 'F'],
    },
  ],
  examples: ['s2oci doctor', 's2oci doctor --json --min-isolation C'],
  run: runDoctor,
};

async function runDoctor(invocation: Invocation): Promise<number> {
  const { io, options } = invocation;
  const config = await loadSettings(invocation);
  await mkdir(config.values.home, { recursive: true });
  const report = await diagnose(
    {
      tools: searchTools(io.env['PATH']),
      env: io.env,
      node: io.node,
      directory: config.values.home,
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
