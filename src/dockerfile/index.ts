/** The Dockerfile language: text to typed instructions, instructions to a graph, words to what they mean. Pure. */

export { expandInstruction } from './expand-instruction.ts';
export type { BuildGraph, PlannedStage, PlanOptions, StageInput } from './graph.ts';
export { maxDockerfileSize } from './lines.ts';
export { type ParseOptions, parseDockerfile, parseTriggers } from './parse.ts';
export { findInput, inputsOf, planDockerfile } from './plan.ts';
export type { Arguments, Scope } from './scope.ts';
export {
  beginScope,
  lookupIn,
  proxyArguments,
  runVariables,
  withArguments,
  withEnvironment,
} from './scope.ts';
export type * from './types.ts';
