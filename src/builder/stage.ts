/** Builds one stage: its base, the triggers of the base, then its instructions one after the other. */

import {
  beginScope,
  expandInstruction,
  findInput,
  type Instruction,
  type PlannedStage,
  parseTriggers,
  type Scope,
  type StageInput,
  withArguments,
  withEnvironment,
} from '../dockerfile/index.ts';
import { asBuildError, BuildError } from '../errors/index.ts';
import type { HistoryEntry } from '../model/index.ts';
import { displayText } from '../model/index.ts';
import { copyStep, workdirStep } from './copy-step.ts';
import { createdBy } from './history.ts';
import { configChanges, listOf } from './metadata.ts';
import type { Plan } from './plan.ts';
import type { StepReport } from './request.ts';
import { runStep } from './run-step.ts';
import {
  type StageLayer,
  type StageState,
  scratchState,
  stateOfImage,
  withConfig,
  withLayer,
} from './stage-state.ts';
import type { StepContext, StepOutcome } from './step.ts';
import type { Workshop } from './workshop.ts';

/** What a stage is built with. */
export interface StageParts {
  readonly workshop: Workshop;
  readonly plan: Plan;
  readonly stage: PlannedStage;
  /** Waits for another stage. */
  readonly stageState: (index: number) => Promise<StageState>;
  readonly report: (step: StepReport) => void;
  readonly signal: AbortSignal;
}

/** An instruction and the file that its line counts in. */
interface Line {
  readonly file: string;
  readonly instruction: Instruction;
  readonly isTrusted: boolean;
}

/** One stage on its way. */
export class StageBuild {
  readonly #parts: StageParts;
  readonly #name: string;
  #state: StageState;
  #scope: Scope;
  #baseLayers = 0;
  #isCommandSet = false;
  #hasRun = false;

  constructor(parts: StageParts) {
    this.#parts = parts;
    const { stage, plan } = parts;
    this.#name = stage.name ?? String(stage.index);
    this.#state = scratchState(stage.platform);
    this.#scope = beginScope(plan.ast.directives.escapeCharacter, []);
  }

  /** Whether any instruction was carried out and not found in a cache. */
  get hasRun(): boolean {
    return this.#hasRun;
  }

  /** Builds it and returns what it is at the end. */
  async run(): Promise<StageState> {
    const { stage, plan, workshop } = this.#parts;
    this.#state = await this.#base();
    this.#baseLayers = this.#state.layers.length;
    const triggers = listOf(this.#state.config['OnBuild']);
    const { OnBuild: _, ...config } = this.#state.config;
    this.#state = { ...this.#state, config };
    this.#scope = beginScope(plan.ast.directives.escapeCharacter, listOf(config['Env']));
    const file = `ONBUILD of ${stage.from.image}`;
    const lines: readonly Line[] = [
      ...parseTriggers(triggers, { name: file }).map((instruction) => ({
        ...{ file, instruction },
        isTrusted: false,
      })),
      ...stage.instructions.map((instruction) => ({
        ...{ file: plan.ast.name, instruction },
        isTrusted: workshop.context.isLocal,
      })),
    ];
    for (const [i, line] of lines.entries()) await this.#step(line, i, lines.length);
    return this.#state;
  }

  async #base(): Promise<StageState> {
    const { workshop, stage, signal } = this.#parts;
    const { base, platform } = stage;
    if (base.kind === 'scratch') return scratchState(platform);
    if (base.kind === 'stage') return this.#parts.stageState(base.index);
    try {
      return stateOfImage(await workshop.image(base.reference, platform, signal));
    } catch (thrown) {
      throw located(thrown, this.#parts.plan.ast.name, stage.from);
    }
  }

  async #step(line: Line, index: number, total: number): Promise<void> {
    const { workshop, report } = this.#parts;
    const { now } = workshop.deps;
    const start = now();
    const title = `${this.#name} ${index + 1}/${total}`;
    const text = displayText(line.instruction.original);
    workshop.tell(`[${title}] ${text}`);
    try {
      this.#parts.signal.throwIfAborted();
      const outcome = await this.#carryOut(line, index);
      const milliseconds = Math.round(now() - start);
      this.#hasRun ||= outcome?.isCached === false;
      if (outcome?.isCached === true) workshop.tell(`[${title}] cached`);
      if (outcome !== undefined && workshop.request.cache.explain)
        workshop.tell(
          `[${title}] ${outcome.isCached ? 'found in' : 'not cached:'} ${outcome.reason}`,
        );
      report({
        stage: this.#name,
        line: line.instruction.position.line,
        instruction: text,
        milliseconds,
        ...outcomeFacts(outcome),
      });
    } catch (thrown) {
      throw located(thrown, line.file, line.instruction);
    }
  }

  /** Returns undefined for instructions that have nothing to do with files. */
  async #carryOut(
    { file, instruction, isTrusted }: Line,
    index: number,
  ): Promise<StepOutcome | undefined> {
    const step = expandInstruction(instruction, this.#scope, file);
    const history = this.#history(step);
    const context = { ...this.#context(index), isTrusted };
    switch (step.kind) {
      case 'arg':
        this.#scope = withArguments(this.#scope, step, context.arguments);
        this.#state = withConfig(this.#state, {}, history);
        return undefined;
      case 'maintainer': {
        const { document } = this.#state;
        this.#state = withConfig(this.#state, {}, history);
        this.#state = { ...this.#state, document: { ...document, author: step.name } };
        return undefined;
      }
      case 'run':
        return this.#addLayer(await runStep(context, step), history);
      case 'copy':
      case 'add':
        return this.#addLayer(await copyStep(context, step), history);
      case 'workdir': {
        const outcome = this.#addLayer(await workdirStep(context, step), history);
        const { history: written } = this.#state;
        this.#state = { ...this.#changed(step, history), history: written };
        return outcome;
      }
      default:
        this.#state = this.#changed(step, history);
        return undefined;
    }
  }

  #addLayer(outcome: StepOutcome, history: HistoryEntry): StepOutcome {
    this.#state = withLayer(this.#state, outcome.layer, history);
    return outcome;
  }

  #changed(step: Instruction, history: HistoryEntry): StageState {
    const changes = configChanges(step, this.#state.config, this.#isCommandSet) ?? {};
    if (step.kind === 'cmd') this.#isCommandSet = true;
    if (step.kind === 'env') this.#scope = withEnvironment(this.#scope, step.pairs);
    return withConfig(this.#state, changes, history);
  }

  #history(step: Instruction): HistoryEntry {
    const { args } = this.#scope;
    return {
      created: this.#parts.workshop.created,
      created_by: createdBy(step, this.#state.config, args),
      comment: 's2oci',
    };
  }

  #context(index: number): Omit<StepContext, 'isTrusted'> {
    const { workshop, plan, signal } = this.#parts;
    return {
      workshop,
      name: `${this.#name} ${index + 1}`,
      ...(plan.graph.order.length > 1 ? { speaker: this.#name } : {}),
      state: this.#state,
      baseLayers: this.#baseLayers,
      scope: this.#scope,
      arguments: plan.graph.arguments,
      signal,
      input: (from) => this.#input(from),
    };
  }

  async #input(
    from: string,
  ): Promise<{ readonly what: StageInput; readonly layers: readonly StageLayer[] }> {
    const { workshop, plan, stage, stageState, signal } = this.#parts;
    const what = findInput(from, plan.ast.stages, stage.index);
    if (what.kind === 'stage') return { what, layers: (await stageState(what.index)).layers };
    if (what.kind === 'scratch') return { what, layers: [] };
    const image = await workshop.image(what.reference, stage.platform, signal);
    return { what, layers: stateOfImage(image).layers };
  }
}

function outcomeFacts(outcome: StepOutcome | undefined) {
  if (outcome === undefined) return { outcome: 'config' as const };
  const { isCached, reason, layer } = outcome;
  return {
    outcome: isCached ? ('cached' as const) : ('run' as const),
    reason,
    ...(layer === undefined ? {} : { layer: layer.descriptor.digest }),
  };
}

/** Puts file, line and instruction in front of a failure, once. */
function located(
  thrown: unknown,
  file: string,
  { position, original }: Pick<Instruction, 'position' | 'original'>,
): BuildError {
  const error = asBuildError(thrown);
  if (error.details['line'] !== undefined) return error;
  const { code, message, suggestion, origin, retryable, details } = error;
  const text = original.length > 100 ? `${original.slice(0, 100)}...` : original;
  return new BuildError(code, `${file}:${position.line}: ${displayText(text)}: ${message}`, {
    ...(suggestion === undefined ? {} : { suggestion }),
    ...(origin === undefined ? {} : { origin }),
    retryable,
    details: { ...details, line: position.line },
    cause: thrown,
  });
}
