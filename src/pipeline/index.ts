/** The pipeline: a build from its request to its result. */
export { type DockerfileDeps, type WrittenDockerfile, writeDockerfile } from './as-dockerfile.ts';
export { build } from './build.ts';
export { type CheckReport, type CheckRequest, checkImageAt } from './check-builder.ts';
export {
  Container,
  type ContainerDeps,
  type ContainerProcess,
  type SandboxSettings,
} from './container.ts';
export type { ApplicationDeps, BuildDeps, ImageAccess } from './deps.ts';
export { type GivenCache, mountCache, parseCache } from './given/caches.ts';
export {
  type GivenSecret,
  mountSecret,
  parseSecret,
  readSecret,
} from './given/secrets.ts';
export { type GivenSsh, mountSsh, type OpenSsh, openSsh, parseSsh } from './given/ssh.ts';
export { refuseLimit } from './limits.ts';
export type { BuildOnBuild, OnBuildOrder, OnBuildOutcome } from './on-build-port.ts';
export { PhaseTimer } from './phase-timer.ts';
export { checkedLayers, fetchLayers, fetchStack } from './phases/fetch.ts';
export { type ResolvedImage, resolveImage } from './phases/resolve.ts';
export { unpackImage } from './phases/unpack.ts';
export { writeReportFile } from './report-files.ts';
export type {
  BuildRequest,
  BuildResult,
  CacheRequest,
  LayerReport,
  TransferReport,
} from './request.ts';
export { type SandboxRequest, sandboxEnvironment, sandboxInputs, sandboxOf } from './sandbox.ts';
export { explainRuntimeFailure, type NamedScript } from './script-failure.ts';
export { type LayerOrigin, type SendInput, sendImage } from './send-image.ts';
export { placeUsage } from './usage-script.ts';
