/**
 * The agent's side of the channel: takes requests, runs them side by side, answers each exactly once.
 */

import { asBuildError, BuildError } from '../errors/index.ts';
import type {
  AgentMessage,
  ClientMessage,
  OperationEvent,
  OperationInput,
  OperationName,
  OperationResult,
} from './protocol.ts';

/** What an operation may use besides its input. */
export interface OperationContext {
  readonly signal: AbortSignal;
  /** Sends an event of this request; resolves when the channel has taken it, which is the back-pressure. */
  emit(event: OperationEvent): Promise<void>;
}

/** The implementation of one operation. */
export type OperationHandler<K extends OperationName> = (
  input: OperationInput<K>,
  context: OperationContext,
) => Promise<OperationResult<K>>;

/** An implementation of every operation. */
export type OperationHandlers = { readonly [K in OperationName]: OperationHandler<K> };

/** The channel as the server sees it. */
export interface AgentChannel {
  send(message: AgentMessage): Promise<void>;
}

/** Dispatches requests to handlers. */
export class AgentServer {
  readonly #handlers: OperationHandlers;
  readonly #channel: AgentChannel;
  readonly #running = new Map<number, AbortController>();

  constructor(handlers: OperationHandlers, channel: AgentChannel) {
    this.#handlers = handlers;
    this.#channel = channel;
  }

  /** Handles one message; the promise settles when the request has been answered. Never rejects. */
  async receive(message: ClientMessage): Promise<void> {
    if (message.kind === 'abort') this.#running.get(message.id)?.abort();
    if (message.kind === 'request') await this.#serve(message.id, message.operation, message.input);
  }

  /** Aborts everything that is running. */
  abortAll(): void {
    for (const controller of this.#running.values()) controller.abort();
  }

  async #serve(id: number, operation: OperationName, input: unknown): Promise<void> {
    const controller = new AbortController();
    this.#running.set(id, controller);
    try {
      const handler = this.#handlers[operation] as OperationHandler<OperationName> | undefined;
      if (handler === undefined)
        throw new BuildError('INTERNAL', `the agent knows no operation ${operation}`);
      const value = await handler(input as never, {
        signal: controller.signal,
        emit: (event) => this.#channel.send({ kind: 'event', id, event }),
      });
      await this.#channel.send({ kind: 'reply', id, value });
    } catch (error) {
      await this.#channel
        .send({ kind: 'failure', id, error: asBuildError(error).toJSON() })
        .catch(() => {});
    } finally {
      this.#running.delete(id);
    }
  }
}
