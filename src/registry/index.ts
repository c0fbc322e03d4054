/** The distribution client: resolve, fetch, push, mount, with retry, resume, credentials and mirrors. */
export type { RegistryClient, RegistryClientDeps } from './client.ts';
export { createRegistryClient } from './client.ts';
export type { Clock } from './context.ts';
export type { RequestKind, Totals } from './counters.ts';
export { requestKinds } from './counters.ts';
export type { Credential, CredentialProvider } from './credentials/types.ts';
export { anonymous } from './credentials/types.ts';
export type { ProxySettings } from './http/proxy.ts';
export type { HttpRequest, HttpResponse, Transport } from './http/types.ts';
export type { BlobLocations } from './locations.ts';
export { memoryLocations } from './locations.ts';
export type { Repository } from './repository.ts';
export type { RegistrySettings } from './settings.ts';
export { defaultRegistrySettings } from './settings.ts';
