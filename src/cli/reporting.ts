/** What a command tells while it works: always on standard error, in the form that the user wants. */

import type { Config } from '../config/index.ts';
import {
  createRenderer,
  detectCi,
  detectRenderer,
  type Renderer,
  type RendererKind,
} from '../ui/index.ts';
import type { CommandIo, OptionSpec } from './command.ts';

/** Options of what is told. */
export const reportOptions: readonly OptionSpec[] = [
  { flags: '-q, --quiet', description: 'print only the result and errors' },
  {
    flags: '--progress <kind>',
    description: 'how progress is shown (default: auto)',
    choices: ['auto', 'tty', 'plain', 'jsonl', 'github', 'gitlab'],
  },
  { flags: '--verbose', description: 'tell more' },
  { flags: '--no-color', description: 'no colours (also: NO_COLOR)' },
];

/** Makes the renderer that options, environment and terminal ask for. */
export function createCommandRenderer(config: Config, io: CommandIo): Renderer {
  const { quiet, progress, verbose, color } = config.values;
  const kind: RendererKind = quiet
    ? 'quiet'
    : progress === 'auto'
      ? detectRenderer(io.stderr, io.env)
      : progress;
  return createRenderer(kind, io.stderr, {
    color: color === 'always' || (color === 'auto' && io.stderr.isTTY === true),
    verbose,
    ci: detectCi(io.env),
  });
}
