/** Renderers: views of the event stream for terminals, logs, CI systems and programs. */

export {
  createRenderer,
  detectCi,
  detectRenderer,
  type RendererKind,
  rendererKinds,
} from './create.ts';
export { formatBytes, formatDuration } from './format.ts';
export { safeText, type TextPolicy } from './text.ts';
export {
  type Clock,
  type Outcome,
  type Renderer,
  type RendererOptions,
  type Summary,
  systemClock,
  type TextStream,
  type TransferredBytes,
} from './types.ts';
