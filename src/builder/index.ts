/** Images from Dockerfiles: the engine that carries out what dockerfile/ reads. */
export { buildDockerfile } from './build.ts';
export type {
  DockerfileBuildRequest,
  DockerfileBuildResult,
  SecretSource,
  StepReport,
} from './request.ts';
export type { CacheHit, CacheMiss, CacheResult, CacheStep, StepCache } from './step-cache.ts';
