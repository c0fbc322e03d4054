/**
 * The live picture of a build: one line per phase, under the running ones a bar for each piece of work.
 * Pure: from state, window and time to lines that fit the window.
 */

import { formatBar, formatBytes, formatDuration } from './format.ts';
import type { Paint, Style } from './paint.ts';
import { describeProgress } from './plain.ts';
import { type ItemState, type PhaseState, sumBytes } from './state.ts';
import { safeText } from './text.ts';
import { displayWidth, truncate } from './width.ts';

/** The window and the moment that are drawn for. */
export interface View {
  readonly columns: number;
  readonly rows: number;
  readonly now: number;
}

/** A piece of a line in one style. */
type Segment = readonly [text: string, style?: Style];

const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] as const;
const maxBars = 6;
const barWidth = 20;
const labelWidth = 24;
const nameWidth = 9;

/** Returns at most `rows` lines of at most `columns` columns each. */
export function liveTree(
  phases: readonly PhaseState[],
  view: View,
  paint: Paint,
): readonly string[] {
  const heads = phases.map((phase) => phaseSegments(phase, view.now));
  const bars = phases.map((phase) => barSegments(phase, view.now));
  const whole = heads.flatMap((head, index) => [head, ...(bars[index] ?? [])]);
  const lines = whole.length <= view.rows ? whole : shorten(phases, heads, view.rows);
  return lines.map((segments) => paintLine(segments, view.columns, paint));
}

/** Leaves out the bars, then the phases that ended first. */
function shorten(
  phases: readonly PhaseState[],
  heads: readonly (readonly Segment[])[],
  rows: number,
): readonly (readonly Segment[])[] {
  const running = heads.filter((_, index) => phases[index]?.state === 'running');
  if (heads.length <= rows) return heads;
  return running.length > 0 && running.length <= rows ? running : heads.slice(-rows);
}

function phaseSegments(phase: PhaseState, now: number): readonly Segment[] {
  const [mark, style] = markOf(phase, now);
  const time = formatDuration((phase.endedAt ?? now) - phase.startedAt);
  const shownTime = phase.state === 'skipped' ? '' : time;
  return [
    [`${mark} `, style],
    [phase.phase.padEnd(nameWidth), phase.state === 'running' ? 'bold' : undefined],
    [`${shownTime.padStart(10)}  `],
    [noteOf(phase), 'dim'],
  ] as readonly Segment[];
}

function markOf(phase: PhaseState, now: number): readonly [string, Style] {
  switch (phase.state) {
    case 'running':
      return [spinner[Math.floor(now / 100) % spinner.length] ?? ' ', 'cyan'];
    case 'finished':
      return ['✔', 'green'];
    case 'failed':
      return ['✘', 'red'];
    case 'skipped':
      return ['-', 'dim'];
  }
}

function noteOf(phase: PhaseState): string {
  const sum = phase.state === 'running' ? sumBytes(phase) : undefined;
  if (sum !== undefined) return describeProgress(sum);
  return safeText(phase.detail ?? '', { sgr: false, ci: false });
}

function barSegments(phase: PhaseState, now: number): readonly (readonly Segment[])[] {
  if (phase.state !== 'running') return [];
  const active = [...phase.items.values()].filter(
    ({ current, total }) => total === undefined || current < total,
  );
  const shown = active.slice(0, maxBars).map((item) => itemSegments(item, now));
  const more = active.length - shown.length;
  return more === 0 ? shown : [...shown, [[`    and ${more} more`, 'dim']]];
}

function itemSegments(item: ItemState, now: number): readonly Segment[] {
  const label = truncate(safeText(item.label, { sgr: false, ci: false }), labelWidth);
  const size = item.unit === 'bytes' ? formatBytes : String;
  const share = item.total === undefined || item.total === 0 ? 0 : item.current / item.total;
  const seconds = (now - item.startedAt) / 1000;
  const rate =
    item.unit === 'bytes' && seconds > 0.5 ? `  ${formatBytes(item.current / seconds)}/s` : '';
  const total = item.total === undefined ? '' : ` / ${size(item.total)}`;
  return [
    [`    ${label}${' '.repeat(labelWidth - displayWidth(label))} `],
    [formatBar(share, barWidth), 'cyan'],
    [` ${size(item.current)}${total}${rate}`],
  ];
}

function paintLine(segments: readonly Segment[], columns: number, paint: Paint): string {
  let left = columns;
  let line = '';
  for (const [text, style] of segments) {
    const kept = truncate(text, left);
    left -= displayWidth(kept);
    line += style === undefined || kept === '' ? kept : paint(style, kept);
    if (kept !== text) break;
  }
  return line;
}
