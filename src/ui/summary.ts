/** The table that ends a successful command: phases with their times, bytes, facts, and the result. */

import { formatBytes, formatDuration } from './format.ts';
import type { Paint } from './paint.ts';
import type { PhaseState } from './state.ts';
import { safeText } from './text.ts';
import type { Summary, TransferredBytes } from './types.ts';

/** Returns the lines of the summary; `ci` says whether a CI system reads them. */
export function summaryTable(
  phases: readonly PhaseState[],
  summary: Summary,
  paint: Paint,
  ci: boolean,
): readonly string[] {
  const safe = (text: string) => safeText(text, { sgr: false, ci });
  const facts = (summary.facts ?? []).map(([name, value]) => `${name}: ${safe(value)}`);
  const result = summary.result === undefined ? [] : [paint('green', safe(summary.result))];
  return [
    ...phaseRows(phases, safe, paint),
    ...(summary.bytes === undefined ? [] : [byteLine(summary.bytes)]),
    ...facts,
    ...result,
  ];
}

function phaseRows(
  phases: readonly PhaseState[],
  safe: (text: string) => string,
  paint: Paint,
): readonly string[] {
  if (phases.length === 0) return [];
  const rows = phases.map((phase) => [phase.phase, timeOf(phase), safe(phase.detail ?? '')]);
  const start = Math.min(...phases.map(({ startedAt }) => startedAt));
  const end = Math.max(...phases.map(({ startedAt, endedAt }) => endedAt ?? startedAt));
  const total = ['total', formatDuration(end - start), ''];
  const columns = [0, 1].map((column) =>
    Math.max(...[...rows, total].map((row) => row[column]?.length ?? 0)),
  );
  const line = ([name = '', time = '', detail = '']: readonly string[]) =>
    `${name.padEnd(columns[0] ?? 0)}  ${time.padStart(columns[1] ?? 0)}  ${detail}`.trimEnd();
  return [...rows.map(line), paint('bold', line(total))];
}

function timeOf(phase: PhaseState): string {
  if (phase.state === 'skipped') return 'skipped';
  return formatDuration((phase.endedAt ?? phase.startedAt) - phase.startedAt);
}

function byteLine(bytes: TransferredBytes): string {
  const { pulled, mounted, pushed, skipped } = bytes;
  const parts = { pulled, mounted, pushed, skipped };
  return Object.entries(parts)
    .map(([name, count]) => `${name} ${formatBytes(count)}`)
    .join(', ');
}
