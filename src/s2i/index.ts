/** The S2I contract as pure functions: nothing here reads, writes or runs anything. */
export * from './allowed-uids.ts';
export * from './application-config.ts';
export * from './callback.ts';
export * from './container-path.ts';
export * from './contract.ts';
export * from './diagnosis.ts';
export * from './environment.ts';
export * from './environment-file.ts';
export * from './image-metadata.ts';
export * from './injections.ts';
export * from './labels.ts';
export * from './names.ts';
export * from './runtime-artifacts.ts';
export * from './script-command.ts';
export * from './script-plan.ts';
export * from './scripts-url.ts';
export * from './user.ts';
