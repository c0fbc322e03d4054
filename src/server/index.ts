/** The embedded registry: a conforming OCI distribution server over a directory. */

export type { RegistryLimits } from './limits.ts';
export { defaultLimits } from './limits.ts';
export type { RegistryOptions, RunningRegistry } from './start.ts';
export { startRegistry } from './start.ts';
export type { RegistryStats } from './stats.ts';
