/** `s2oci doctor`: what this machine allows, and what would help. */

import type { CommandSpec } from '../command.ts';

/** Probes the machine by doing what builds do. */
export const doctorCommand: CommandSpec = {
  name: 'doctor',
  summary: 'say what this machine allows builds to do',
  description:
    'Looks at the machine and tries what builds would do: id mappings, overlay mounts, executors, control groups. Says what a build would use, how isolated it would be, and which change would help. Ends with 0 when builds can run at the wanted isolation, else with 10.',
  options: [
    { flags: '--json', description: 'print JSON' },
    {
      flags: '--min-isolation <level>',
      description: 'level that is needed',
      choices: ['A', 'B', 'C', 'D', 'F'],
    },
  ],
  examples: ['s2oci doctor', 's2oci doctor --json --min-isolation C'],
  run: async (invocation) => (await import('../actions/doctor.ts')).runDoctor(invocation),
};
