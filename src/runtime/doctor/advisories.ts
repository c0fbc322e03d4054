/**
 * Released runtimes with known ways out of a container. Distributions repair without a new number, so a
 * match is a warning to look, not a verdict.
 */

import type { ExecutorName } from '../ports.ts';
import type { Finding } from './report.ts';

interface Advisory {
  readonly ids: string;
  /** The first repaired release of each release line, oldest line first. */
  readonly fixed: readonly string[];
}

const advisories: Partial<Readonly<Record<ExecutorName, readonly Advisory[]>>> = {
  runc: [
    { ids: 'CVE-2024-21626', fixed: ['1.1.12'] },
    { ids: 'CVE-2025-31133, CVE-2025-52565, CVE-2025-52881', fixed: ['1.2.8', '1.3.3', '1.4.0'] },
  ],
  crun: [{ ids: 'CVE-2026-88264, CVE-2026-88265', fixed: ['1.29.2'] }],
};

/** Returns a warning when a version is older than a repaired one. */
export function advisoryFinding(name: ExecutorName, version: string): Finding | undefined {
  const open = (advisories[name] ?? []).filter(({ fixed }) => isAffected(version, fixed));
  if (open.length === 0) return undefined;
  const ids = open.map((advisory) => advisory.ids).join(', ');
  return {
    id: `advisory.${name}`,
    status: 'warn',
    detail: `${name} ${version} is older than the releases that repair ${ids}; distributions may have repaired it`,
    fix: `update ${name}`,
  };
}

/** A version is repaired when its own release line is, or when it is later than all lines. */
function isAffected(version: string, fixed: readonly string[]): boolean {
  const own = numbersOf(version);
  const line = fixed.map(numbersOf).find(([major, minor]) => major === own[0] && minor === own[1]);
  if (line !== undefined) return compare(own, line) < 0;
  const newest = numbersOf(fixed.at(-1) ?? '0');
  return compare(own, newest) < 0;
}

function numbersOf(version: string): readonly [number, number, number] {
  const [, major, minor, patch] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  return [Number(major ?? 0), Number(minor ?? 0), Number(patch ?? 0)];
}

function compare(one: readonly number[], other: readonly number[]): number {
  const index = one.findIndex((number, position) => number !== other[position]);
  return index === -1 ? 0 : (one[index] ?? 0) - (other[index] ?? 0);
}
