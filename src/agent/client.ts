/**
 * The client's side of the channel: typed calls into the agent.
 *
 * When the agent ends, whatever the reason, every open call fails; no call ever hangs on a dead agent.
 */

import type { ChildProcess } from 'node:child_process';
import { BuildError, deserializeError } from '../errors/index.ts';
import type {
  AgentIdMapping,
  AgentMessage,
  ClientMessage,
  OperationEvent,
  OperationInput,
  OperationName,
  OperationResult,
} from './protocol.ts';

/** What goes with a call. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: OperationEvent) => void;
}

/** Calls operations of the agent. */
export interface Agent extends AsyncDisposable {
  /** How the agent's ids relate to the machine's. */
  readonly idMapping: AgentIdMapping;
  /**
   * Runs one operation.
   *
   * @throws BuildError as the operation threw it; `RUNTIME_FAILED` when the agent ended meanwhile
   */
  call<K extends OperationName>(
    operation: K,
    input: OperationInput<K>,
    options?: CallOptions,
  ): Promise<OperationResult<K>>;
}

/** How long an agent that was let go may take to end. */
const graceMilliseconds = 10_000;

interface OpenCall {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
  readonly onEvent: ((event: OperationEvent) => void) | undefined;
}

/** An agent at the other end of a child process's IPC channel. */
export class AgentProcess implements Agent {
  readonly idMapping: AgentIdMapping;
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, OpenCall>();
  readonly #ended: Promise<void>;
  #nextId = 1;
  #failure: BuildError | undefined;

  private constructor(child: ChildProcess, idMapping: AgentIdMapping) {
    this.#child = child;
    this.idMapping = idMapping;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    child.on('message', (message) => this.#receive(message as AgentMessage));
    child.on('exit', (code, signal) => {
      this.#fail(`the agent ended unexpectedly (${signal ?? `exit code ${code}`})`);
      resolve();
    });
    child.on('error', (error) => this.#fail(`the agent cannot be reached: ${error.message}`));
  }

  /** Waits for a spawned agent to report that it is ready. */
  static async connect(
    child: ChildProcess,
    start: Omit<Extract<ClientMessage, { kind: 'start' }>, 'kind'>,
    signal?: AbortSignal,
  ): Promise<AgentProcess> {
    const agent = new AgentProcess(child, start.idMapping);
    await agent.#open(
      0,
      { kind: 'start', ...start },
      { ...(signal === undefined ? {} : { signal }) },
    );
    return agent;
  }

  call<K extends OperationName>(
    operation: K,
    input: OperationInput<K>,
    options: CallOptions = {},
  ): Promise<OperationResult<K>> {
    const id = this.#nextId++;
    return this.#open(id, { kind: 'request', id, operation, input }, options);
  }

  /** Lets the agent go; one that does not end by itself is ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const limit = setTimeout(() => this.#child.kill('SIGKILL'), graceMilliseconds);
    await this.#ended;
    clearTimeout(limit);
  }

  async #open<T>(id: number, message: ClientMessage, options: CallOptions): Promise<T> {
    options.signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#calls.set(id, { resolve, reject, onEvent: options.onEvent });
    const abort = () =>
      this.#child.connected && this.#child.send({ kind: 'abort', id } satisfies ClientMessage);
    options.signal?.addEventListener('abort', abort, { once: true });
    this.#child.send(
      message,
      (error) => error && this.#fail(`the agent cannot be reached: ${error.message}`),
    );
    try {
      return await promise;
    } finally {
      options.signal?.removeEventListener('abort', abort);
      this.#calls.delete(id);
    }
  }

  #receive(message: AgentMessage): void {
    if (message.kind === 'ready') {
      this.#calls.get(0)?.resolve(undefined as never);
      return;
    }
    const call = this.#calls.get(message.id);
    if (message.kind === 'event') call?.onEvent?.(message.event);
    if (message.kind === 'reply') call?.resolve(message.value as never);
    if (message.kind === 'failure') call?.reject(deserializeError(message.error));
  }

  #fail(why: string): void {
    this.#failure ??= new BuildError('RUNTIME_FAILED', why, {
      origin: 'runtime',
      suggestion: 'run `s2oci doctor`; if memory is short, the kernel may have killed it',
    });
    for (const call of this.#calls.values()) call.reject(this.#failure);
  }
}
