/**
 * Platforms and their matching order (OCI image-spec, image-index.md "platform"; the order is that of
 * containerd/platforms, which all runtimes follow in practice).
 */

import { BuildError } from '../errors/index.ts';
import { isJsonObject, type Json } from './json.ts';

/** Operating system and processor that an image is for. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
}

const architectureNames: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  x64: 'amd64',
  i386: '386',
  ia32: '386',
  aarch64: 'arm64',
  armhf: 'arm',
  armel: 'arm',
};

const impliedVariants: Readonly<Record<string, string>> = { armhf: 'v7', armel: 'v6' };

/**
 * Parses `os/architecture[/variant]`, such as `linux/arm64/v8`, and normalises the names.
 *
 * @throws BuildError `USAGE_INVALID`
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/');
  if (
    parts.length < 2 ||
    parts.length > 3 ||
    parts.some((part) => !/^[A-Za-z0-9_.-]+$/.test(part))
  ) {
    throw new BuildError('USAGE_INVALID', `not a platform: ${JSON.stringify(text)}`, {
      suggestion: 'write it as os/architecture or os/architecture/variant, such as linux/amd64',
    });
  }
  const [os = '', architecture = '', variant] = parts;
  return normalizePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}

/** Writes a platform the way {@link parsePlatform} reads it. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/** Brings architecture and variant names into the one spelling that comparisons use. */
export function normalizePlatform(platform: Platform): Platform {
  const rawArchitecture = platform.architecture.toLowerCase();
  const architecture = architectureNames[rawArchitecture] ?? rawArchitecture;
  const os = platform.os.toLowerCase() === 'macos' ? 'darwin' : platform.os.toLowerCase();
  const variant = normalizeVariant(
    architecture,
    platform.variant?.toLowerCase() ?? impliedVariants[rawArchitecture] ?? '',
  );
  const { variant: _, ...rest } = platform;
  return { ...rest, os, architecture, ...(variant === '' ? {} : { variant }) };
}

function normalizeVariant(architecture: string, variant: string): string {
  if (architecture === 'amd64') return variant === 'v1' ? '' : variant;
  if (architecture === 'arm64') return ['8', 'v8', 'v8.0'].includes(variant) ? '' : variant;
  if (architecture !== 'arm') return variant;
  if (variant === '') return 'v7';
  return /^[5-8]$/.test(variant) ? `v${variant}` : variant;
}

/**
 * Finds the platforms of a list that satisfy a wanted one, best first; ties keep the order of the list.
 *
 * Strict: no other architecture stands in (no 386 for amd64, no arm for arm64), but lower variants of
 * the same architecture do.
 */
export function matchPlatforms<T>(
  wanted: Platform,
  candidates: readonly T[],
  platformOf: (candidate: T) => Platform | undefined,
): readonly T[] {
  const target = normalizePlatform(wanted);
  const scored = candidates.flatMap((candidate) => {
    const platform = platformOf(candidate);
    const score = platform === undefined ? undefined : scoreOf(target, normalizePlatform(platform));
    return score === undefined ? [] : [{ candidate, score }];
  });
  return scored.toSorted((a, b) => b.score - a.score).map(({ candidate }) => candidate);
}

function scoreOf(wanted: Platform, offered: Platform): number | undefined {
  if (wanted.os !== offered.os || wanted.architecture !== offered.architecture) return undefined;
  const want = variantLevel(wanted);
  const have = variantLevel(offered);
  if (!satisfies(want, have)) return undefined;
  const features = new Set(wanted['os.features'] ?? []);
  const shared = (offered['os.features'] ?? []).filter((feature) => features.has(feature)).length;
  return have.major * 1_000_000 + have.minor * 1000 + shared;
}

interface Level {
  readonly major: number;
  readonly minor: number;
}

/** Reads a variant as a number: amd64 v1 to v4, arm v5 to v8, arm64 v8, v8.1, ..., v9. */
function variantLevel(platform: Platform): Level {
  const floor: Readonly<Record<string, number>> = { amd64: 1, arm: 7, arm64: 8 };
  const match = /^v(\d{1,3})(?:\.(\d{1,3}))?$/.exec(platform.variant ?? '');
  if (match === null) return { major: floor[platform.architecture] ?? 0, minor: 0 };
  return { major: Number(match[1]), minor: Number(match[2] ?? 0) };
}

/** A processor runs what was made for lower levels; ARMv9.x contains ARMv8.(x+5) and no later one. */
function satisfies(want: Level, have: Level): boolean {
  if (have.major === want.major) return have.minor <= want.minor;
  if (want.major === 9 && have.major === 8) return have.minor <= want.minor + 5;
  return have.major < want.major;
}

/**
 * Reads the `platform` of a descriptor; null and absent give undefined.
 *
 * @throws BuildError `DESCRIPTOR_INVALID`
 */
export function parsePlatformObject(json: Json | undefined, what: string): Platform | undefined {
  if (json === undefined || json === null) return undefined;
  if (!isJsonObject(json))
    throw new BuildError('DESCRIPTOR_INVALID', `platform of ${what} is not an object`);
  const { os, architecture, variant } = json;
  if (typeof os !== 'string' || typeof architecture !== 'string') {
    throw new BuildError('DESCRIPTOR_INVALID', `platform of ${what} lacks os or architecture`);
  }
  const version = json['os.version'];
  const features = json['os.features'];
  return {
    os,
    architecture,
    ...(typeof variant === 'string' && variant !== '' ? { variant } : {}),
    ...(typeof version === 'string' ? { 'os.version': version } : {}),
    ...(Array.isArray(features)
      ? { 'os.features': features.filter((f) => typeof f === 'string') }
      : {}),
  };
}

/** The platform of this machine, from Node's names for it. */
export function hostPlatform(os: string, arch: string): Platform {
  return normalizePlatform({ os, architecture: arch });
}
