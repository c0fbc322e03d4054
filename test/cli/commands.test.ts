/** The table of commands, where it repeats what it must not load. */

import t from 'tap';
import { buildOptions, networks } from '../../src/cli/commands/build-options.ts';
import { commands } from '../../src/cli/commands/index.ts';
import { shells } from '../../src/cli/completion.ts';
import { executorNames, networkModes } from '../../src/runtime/index.ts';

t.test('--executor takes every executor that there is', async (t) => {
  const option = buildOptions.find(({ flags }) => flags.startsWith('--executor '));
  t.strictSame(option?.choices, executorNames);
});

t.test('--network takes every network that there is', async (t) => {
  t.strictSame(networks, networkModes);
});

t.test('completion names every shell that it knows', async (t) => {
  const argument = commands.find(({ name }) => name === 'completion')?.arguments?.[0];
  t.equal(argument?.description, shells.join(', '));
});
