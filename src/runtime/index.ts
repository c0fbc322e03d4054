/** Namespaces, executors, and what this machine allows of them. */

export { ownGroupsUpwards } from './cgroup/hierarchy.ts';
export { type KeptLimits, keepLimits } from './cgroup/keep.ts';
export { keepersText } from './cgroup/notes.ts';
export type { Considered, RuntimeChosen, RuntimeRequest } from './choose.ts';
export { chooseRuntime, compareIsolation } from './choose.ts';
export type { RuntimeDeps } from './deps.ts';
export { type DoctorDeps, diagnose } from './doctor/diagnose.ts';
export { renderDoctor } from './doctor/render.ts';
export type { Chain, DoctorReport, Finding, FindingStatus } from './doctor/report.ts';
export { killLeftovers } from './leftovers.ts';
export { defaultCapabilities } from './machine/capabilities.ts';
export { type Census, processesOfUser, takeCensus, type UserProcess } from './machine/census.ts';
export { closeInheritedDescriptors } from './machine/descriptors.ts';
export type { IdExtent, Identity } from './machine/identity.ts';
export { ownsOneId, readIdentity } from './machine/identity.ts';
export { resourceNames } from './machine/limits.ts';
export { readMountPoints } from './machine/mounts.ts';
export type { Tools } from './machine/tools.ts';
export { searchTools } from './machine/tools.ts';
export type { Mapping } from './namespace/methods.ts';
export type { NamespaceDeps, NamespaceProcess, NamespaceRequest } from './namespace/spawn.ts';
export { spawnInNamespace } from './namespace/spawn.ts';
export * from './ports.ts';
export { runtimes } from './runtimes.ts';
export type { SeccompFilter } from './seccomp/filter.ts';
export { type ProfileConditions, readSeccompProfile } from './seccomp/read-profile.ts';
export { nameServerOf } from './supervise/network.ts';
