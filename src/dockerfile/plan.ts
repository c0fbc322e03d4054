/**
 * From a parsed Dockerfile to the graph of a build: what every stage begins with and takes from, and which stages the
 * target needs. Stages that are not reached are not in `order` and are never built.
 */

import { nearest } from '../errors/index.ts';
import { formatPlatform, type Platform, parsePlatform } from '../model/index.ts';
import { shown } from './context.ts';
import { expandWord } from './expand.ts';
import { ExpansionFault } from './expansion-fault.ts';
import { globalArguments, unusedArguments } from './global-arguments.ts';
import type { BuildGraph, PlannedStage, PlanOptions, StageInput } from './graph.ts';
import { Problems } from './problems.ts';
import type { Arguments } from './scope.ts';
import { findCycle, orderOf } from './stage-order.ts';
import type { DockerfileAst, Instruction, Position, Stage } from './types.ts';

/**
 * Plans a build.
 *
 * @throws BuildError `DOCKERFILE_INVALID` that names every problem
 */
export function planDockerfile(ast: DockerfileAst, options: PlanOptions): BuildGraph {
  const problems = new Problems(ast.name);
  const target = findTarget(ast, options.target, problems);
  const args = globalArguments(ast, options, problems);
  const planner = new Planner(ast, options, args, problems);
  const stages = ast.stages.map((stage) => planner.plan(stage));
  const cycle = findCycle(stages);
  if (cycle !== undefined)
    problems.add(
      stages[cycle]?.from.position ?? { line: 1, column: 1 },
      'the stage needs itself, by way of what it copies from',
    );
  problems.throwIfAny();
  return {
    stages,
    target,
    order: orderOf(stages, target),
    arguments: args,
    warnings: [...ast.warnings, ...unusedArguments(ast, options.buildArgs)],
  };
}

/**
 * Finds what `--from` of an instruction in a stage means: a stage by name (of equal names the last one in front) or
 * number, else an image.
 */
export function findInput(
  text: string,
  stages: readonly Pick<Stage, 'index' | 'from'>[],
  within: number,
): StageInput {
  const wanted = text.toLowerCase();
  const named = stages.filter(({ from }) => from.name === wanted);
  const meant =
    named.findLast(({ index }) => index < within) ??
    named.find(({ index }) => index > within) ??
    named[0];
  if (meant !== undefined) return { kind: 'stage', index: meant.index };
  const number = /^[0-9]{1,5}$/.test(text) ? Number(text) : -1;
  if (number >= 0 && number < stages.length) return { kind: 'stage', index: number };
  return { kind: 'image', reference: text };
}

/** Lists the texts of `--from` in an instruction. */
export function inputsOf(instruction: Instruction): readonly string[] {
  if (instruction.kind === 'copy' || instruction.kind === 'add')
    return instruction.from === undefined ? [] : [instruction.from];
  if (instruction.kind !== 'run') return [];
  return instruction.mounts.flatMap((mount) => ('from' in mount ? (mount.from ?? []) : []));
}

class Planner {
  readonly #ast: DockerfileAst;
  readonly #options: PlanOptions;
  readonly #arguments: Arguments;
  readonly #problems: Problems;

  constructor(ast: DockerfileAst, options: PlanOptions, args: Arguments, problems: Problems) {
    this.#ast = ast;
    this.#options = options;
    this.#arguments = args;
    this.#problems = problems;
  }

  plan(stage: Stage): PlannedStage {
    const { index, from, instructions } = stage;
    const base = this.#baseOf(stage);
    const inputs = instructions.flatMap((instruction) =>
      inputsOf(instruction).map((text) => this.#inputOf(text, index, instruction.position)),
    );
    const needed = [base, ...inputs].flatMap((input) =>
      input.kind === 'stage' && input.index !== index ? [input.index] : [],
    );
    return {
      index,
      ...(from.name === undefined ? {} : { name: from.name }),
      from,
      base,
      platform: this.#platformOf(stage),
      instructions,
      dependencies: [...new Set(needed)].toSorted((a, b) => a - b),
    };
  }

  #baseOf({ index, from }: Stage): StageInput {
    const image = this.#expand(from.image, from.position);
    if (image === '') {
      this.#problems.add(
        from.position,
        `FROM: ${shown(from.image)} is empty`,
        'give the argument a default in front of the first FROM, or --build-arg',
      );
    }
    if (image === 'scratch') return { kind: 'scratch' };
    const earlier = this.#ast.stages.slice(0, index);
    const input = earlier.findLast((stage) => stage.from.name === image.toLowerCase());
    return input === undefined
      ? { kind: 'image', reference: image }
      : { kind: 'stage', index: input.index };
  }

  #platformOf({ from }: Stage): Platform {
    if (from.platform === undefined) return this.#options.platform;
    const text = this.#expand(from.platform, from.position);
    if (text === '') return this.#options.platform;
    try {
      return parsePlatform(text.includes('/') ? text : `linux/${text}`);
    } catch {
      this.#problems.add(
        from.position,
        `FROM: --platform=${shown(text)} is no platform`,
        `write it as os/architecture, such as ${formatPlatform(this.#options.platform)}`,
      );
      return this.#options.platform;
    }
  }

  #inputOf(text: string, within: number, position: Position): StageInput {
    if (text.includes('$'))
      this.#problems.add(
        position,
        `--from=${shown(text)}: variables cannot stand here`,
        'name a stage, and let that stage begin with FROM and the variable',
      );
    const input = findInput(text, this.#ast.stages, within);
    if (input.kind === 'stage' && input.index === within)
      this.#problems.add(position, `--from=${shown(text)} names its own stage`);
    return input;
  }

  #expand(text: string, position: Position): string {
    const { global } = this.#arguments;
    const { escapeCharacter } = this.#ast.directives;
    try {
      return expandWord(text, { escapeCharacter, lookup: (name) => global.get(name) });
    } catch (error) {
      if (!(error instanceof ExpansionFault)) throw error;
      this.#problems.add(position, `FROM: ${error.message}`);
      return text;
    }
  }
}

function findTarget(ast: DockerfileAst, target: string | undefined, problems: Problems): number {
  const last = ast.stages.length - 1;
  if (target === undefined) return last;
  const input = findInput(target, ast.stages, -1);
  if (input.kind === 'stage') return input.index;
  const names = ast.stages.flatMap(({ from }) => from.name ?? []);
  const guess = nearest(target, names);
  problems.add(
    { line: 1, column: 1 },
    `there is no stage ${shown(target)} to build`,
    guess === undefined
      ? `the stages are ${names.length === 0 ? `0 to ${last}` : names.join(', ')}`
      : `did you mean --target ${guess}?`,
  );
  return last;
}
