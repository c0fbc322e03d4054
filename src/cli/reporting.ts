/** What a command tells while it works: always on standard error, in the form that the user wants. */

import type { Config } from '../config/index.ts';
import {
  createRenderer,
  detectCi,
  detectRenderer,
  type Renderer,
  type RendererKind,
} from '../ui/index.ts';
import type { CommandIo } from './command.ts';

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
