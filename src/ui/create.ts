/** Chooses and makes renderers. Pure but for the stream: environment and terminal facts come in as values. */

import { JsonlRenderer } from './jsonl.ts';
import { PlainRenderer } from './plain.ts';
import { QuietRenderer } from './quiet.ts';
import { DirectSink, GroupSink, githubMarks, gitlabMarks } from './sinks.ts';
import { TtyRenderer } from './tty.ts';
import type { Renderer, RendererOptions, TextStream } from './types.ts';

/** The names of the renderers, as users write them behind `--progress`. */
export const rendererKinds = ['tty', 'plain', 'jsonl', 'quiet', 'github', 'gitlab'] as const;

/** The name of a renderer. */
export type RendererKind = (typeof rendererKinds)[number];

/** Makes a renderer that writes to `stream`. */
export function createRenderer(
  kind: RendererKind,
  stream: TextStream,
  options: RendererOptions,
): Renderer {
  switch (kind) {
    case 'tty':
      return new TtyRenderer(stream, options);
    case 'plain':
      return new PlainRenderer(new DirectSink(stream), options);
    case 'jsonl':
      return new JsonlRenderer(stream, options);
    case 'quiet':
      return new QuietRenderer(stream, options);
    case 'github': {
      const ci = { ...options, ci: true };
      return new PlainRenderer(new GroupSink(stream, githubMarks), ci, githubMarks.annotate);
    }
    case 'gitlab':
      return new PlainRenderer(new GroupSink(stream, gitlabMarks), { ...options, ci: true });
  }
}

/** The environment variables by which the known CI systems announce themselves. */
const ciVariables = ['CI', 'GITHUB_ACTIONS', 'GITLAB_CI', 'TF_BUILD', 'TEAMCITY_VERSION'] as const;

/** Tells whether a CI system reads the output. `CI=false` counts as no. */
export function detectCi(env: Readonly<Record<string, string | undefined>>): boolean {
  return ciVariables.some((name) => !['', '0', 'false'].includes(env[name] ?? ''));
}

/** Picks the renderer for `--progress auto`: the tree on a terminal that can draw it, else lines. */
export function detectRenderer(
  stream: TextStream,
  env: Readonly<Record<string, string | undefined>>,
): RendererKind {
  if (env['GITHUB_ACTIONS'] === 'true') return 'github';
  if (env['GITLAB_CI'] === 'true') return 'gitlab';
  return stream.isTTY === true && env['TERM'] !== 'dumb' && !detectCi(env) ? 'tty' : 'plain';
}
