/**
 * The public library: images as values, registries, the local store, and builds.
 *
 *     import { Registry } from 's2oci';
 *     await using registry = new Registry();
 *     const { digest } = await registry.resolve('registry.example.com/apps/hello:1');
 *
 * Everything that can fail throws a BuildError with a stable `code`. Nothing here touches `process`:
 * environment, clock and reporter are passed in.
 */

export { type Agent, type AgentOptions, type StartedAgent, startAgent } from './agent/index.ts';
export {
  type BlobSink,
  type BlobSource,
  bytesSource,
  copyBlob,
  type OpenBlob,
  type PutOptions,
  type PutOutcome,
  verifyStream,
} from './blob/index.ts';
export {
  buildDockerfile,
  type DockerfileBuildRequest,
  type DockerfileBuildResult,
  type StepReport,
} from './builder/index.ts';
export { BuildError, type ErrorCode, errorCodes, exitCodeOf, redact } from './errors/index.ts';
export {
  type BuildEvent,
  type Phase,
  phases,
  type Reporter,
  silentReporter,
} from './events/index.ts';
export {
  type ArtifactContent,
  type ArtifactFile,
  attachArtifact,
  type ComposedImage,
  type CopyOptions,
  type CopyReport,
  composeImage,
  copyImage,
  type FetchedImage,
  type ImageChange,
  type ImageDestination,
  type ImageSource,
  openDestination,
  openSource as openImage,
  parseTransport,
  Registry,
  type RegistryCopyOptions,
  type RegistryDeps,
  readImage,
  registryImage,
  type StoredImage,
  selectPlatform,
} from './image/index.ts';
export * from './model/index.ts';
export { type BuildDeps, type BuildRequest, type BuildResult, build } from './pipeline/index.ts';
export {
  type Credential,
  type CredentialProvider,
  createRegistryClient,
  credentialSettings,
  loadCredentials,
  type RegistryClient,
  type RegistrySettings,
} from './registry/index.ts';
export { type RegistryOptions, type RunningRegistry, startRegistry } from './server/index.ts';
export { openStore, type Store } from './store/index.ts';
