/** Images from Dockerfiles: the engine that carries out what dockerfile/ reads. */
export { buildDockerfile } from './build.ts';
export type {
  DockerfileBuildRequest,
  DockerfileBuildResult,
  Output,
  StepReport,
} from './request.ts';
