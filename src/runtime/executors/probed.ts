/**
 * The part all executors share: probe their forms once, remember the strongest that works, run in it.
 */

import type { RuntimeDeps } from '../deps.ts';
import type {
  Capability,
  ExecutorName,
  ExitStatus,
  RunNeeds,
  RunSpec,
  RunStdio,
  Runtime,
} from '../ports.ts';
import { checkSpec } from '../sandbox/check.ts';
import { firstWorking } from './probe.ts';
import { refuseNetwork } from './refusals.ts';

/** What is known of an executor whose form works. */
export type UsableCapability = Extract<Capability, { usable: true }>;

/** An executor by its parts; `F` is a way of running that a machine may or may not allow. */
export interface Executor<F> {
  readonly name: ExecutorName;
  /** See {@link Runtime.staysInGroup}; default is yes. */
  readonly staysInGroup?: boolean;
  /** Says what is missing to even try; undefined when nothing is. */
  missing(): string | undefined;
  /** Ways of running, strongest first. */
  readonly forms: readonly F[];
  /** Tells that a failed form rules out all others, so that they need no trying. */
  isFinal?(reason: string): boolean;
  /** Changes the probe's spec to one that fits; default is to take it as it is. */
  probeSpec?(spec: RunSpec): RunSpec;
  /** Describes a form that works. */
  describe(form: F): Promise<Omit<UsableCapability, 'usable'>>;
  /** See {@link Runtime.refusal}. */
  refusal(needs: RunNeeds): string | undefined;
  /** Runs a checked spec in a form. */
  run(form: F, spec: RunSpec, stdio: RunStdio, signal?: AbortSignal): Promise<ExitStatus>;
}

/** Makes a runtime out of an executor. */
export function probed<F>(deps: RuntimeDeps, executor: Executor<F>): Runtime {
  return new ProbedRuntime(deps, executor);
}

class ProbedRuntime<F> implements Runtime {
  readonly name: ExecutorName;
  readonly staysInGroup: boolean;
  readonly #deps: RuntimeDeps;
  readonly #executor: Executor<F>;
  #form: { readonly form: F } | undefined;
  #answer: Promise<Capability> | undefined;

  constructor(deps: RuntimeDeps, executor: Executor<F>) {
    this.name = executor.name;
    this.staysInGroup = executor.staysInGroup ?? true;
    this.#deps = deps;
    this.#executor = executor;
  }

  async probe(signal?: AbortSignal): Promise<Capability> {
    this.#answer ??= this.#probe(signal);
    const answer = await this.#answer;
    // an answer that an abort cut short says nothing about the machine
    if (signal?.aborted === true) this.#answer = undefined;
    return answer;
  }

  refusal(needs: RunNeeds): string | undefined {
    return this.#executor.refusal(needs) ?? refuseNetwork(this.#deps, needs);
  }

  async run(spec: RunSpec, stdio: RunStdio, signal?: AbortSignal): Promise<ExitStatus> {
    const capability = await this.probe(signal);
    if (this.#form === undefined) {
      const reason = capability.usable ? 'the probe was interrupted' : capability.reason;
      return { code: 125, runtimeFailure: reason };
    }
    const checked = checkSpec(spec);
    return await this.#executor.run(this.#form.form, checked, stdio, signal);
  }

  async #probe(signal: AbortSignal | undefined): Promise<Capability> {
    const executor = this.#executor;
    const missing = executor.missing();
    if (missing !== undefined) return { usable: false, reason: missing };
    const found = await firstWorking(this.#deps, executor, signal);
    if ('reason' in found) return { usable: false, ...found };
    this.#form = found;
    return { usable: true, ...(await executor.describe(found.form)) };
  }
}
