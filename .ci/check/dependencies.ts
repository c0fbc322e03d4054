/**
 * Dependencies: versions that are known to be vulnerable or wrong are not in the lock file, the count of
 * runtime packages stays small, none of them runs a script when it is installed.
 * `npm audit` needs a service that is not everywhere, so the list is kept here (advisories in the comments).
 */

import type { Check } from './check.ts';

/** The parts of package-lock.json (version 3) that are looked at. */
interface LockFile {
  readonly packages?: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly version?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
}

/**
 * The lowest version that may be used, at run time or named in devDependencies; `false` means not at all.
 * What tools bring along for themselves is not held to it: it meets no hostile input.
 */
const floors: Readonly<Record<string, string | false>> = {
  // hangs and corrupts on hostile archives below; never trusted as a parser (docs/adr/0004)
  'tar-stream': '3.2.2',
  // CVE-2026-59871, CVE-2026-59873, CVE-2026-59874, CVE-2026-59875
  tar: '7.5.19',
  // CVE-2025-59343 and others of its kind: prefix checks on paths
  'tar-fs': false,
  // CVE-2026-13697, CVE-2026-1525, CVE-2026-1526, CVE-2026-1527, CVE-2026-1528, CVE-2026-2229, CVE-2026-22036
  undici: '7.29.0',
  // CVE-2024-21538
  'cross-spawn': '7.0.6',
};

const maxRuntimePackages = 25;

/** Holds package-lock.json against the floors. */
export const dependenciesCheck: Check = {
  name: 'dependencies',
  run(project) {
    const lock = JSON.parse(project.read('package-lock.json') ?? '{}') as LockFile;
    const packages = Object.entries(lock.packages ?? {}).filter(([path]) => path !== '');
    const direct = Object.keys(lock.packages?.['']?.devDependencies ?? {});
    const runtime = packages.filter(([, { dev }]) => dev !== true);
    return {
      summary: `${runtime.length} runtime packages, ${packages.length - runtime.length} for development`,
      problems: [
        ...(packages.length === 0 ? ['package-lock.json: lists no packages'] : []),
        ...packages
          .filter(([path, { dev }]) => dev !== true || direct.includes(nameOf(path)))
          .flatMap(([path, locked]) => floorProblems(path, locked)),
        ...runtime
          .filter(([, { hasInstallScript }]) => hasInstallScript)
          .map(([path]) => scriptProblem(path)),
        ...(runtime.length > maxRuntimePackages
          ? [`package-lock.json: ${runtime.length} runtime packages, at most ${maxRuntimePackages}`]
          : []),
      ],
    };
  },
};

function floorProblems(path: string, { version = '0.0.0' }: LockedPackage): readonly string[] {
  const name = nameOf(path);
  const floor = Object.hasOwn(floors, name) ? floors[name] : undefined;
  if (floor === false) return [`package-lock.json: ${path} is not to be used at all`];
  if (floor === undefined || !isBelow(version, floor)) return [];
  return [`package-lock.json: ${path} is ${version}, at least ${floor} is needed`];
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

function scriptProblem(path: string): string {
  return `package-lock.json: ${path} is a runtime package and runs a script when it is installed`;
}

/** Compares by the three numbers; a pre-release of the floor itself is below it. */
function isBelow(version: string, floor: string): boolean {
  const [numbers = '', prerelease] = version.split(/-(.*)/, 2);
  const [have, need] = [numbers.split('.').map(Number), floor.split('.').map(Number)];
  const at = need.findIndex((number, index) => number !== have[index]);
  return at === -1 ? prerelease !== undefined : (have[at] ?? 0) < (need[at] ?? 0);
}
