/** The agent: the part of a build that works inside the user namespace, and the client that talks to it. */
export type { Agent, CallOptions } from './client.ts';
export { digestFiles } from './operations/copy.ts';
export type {
  AgentIdMapping,
  CapturedLayer,
  CopySelection,
  CopySource,
  FileDigest,
  FileFacts,
  InPlaceRequest,
  LayerBlob,
  MountRequest,
  OperationEvent,
  RootfsResult,
  RunOutput,
  RunResult,
  RuntimeChoice,
  StorageKind,
  StoragePreference,
} from './protocol.ts';
export { type SecretValue, secretPatterns, shortestSecret } from './secrets/patterns.ts';
export { type AgentOptions, type StartedAgent, startAgent } from './start.ts';
