/**
 * What a renderer is given and what it offers: it takes events like any Reporter and is told once how
 * everything ended. Renderers own no process state; stream, clock and colours come in as values.
 */

import type { BuildError } from '../errors/index.ts';
import type { Reporter } from '../events/index.ts';

/** Where a renderer writes; `process.stderr` fits. Columns and rows are read anew for each drawing. */
export interface TextStream {
  write(text: string): unknown;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  readonly isTTY?: boolean | undefined;
}

/** Time as a renderer sees it; see {@link systemClock}. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `tick` again and again without keeping the process alive; returns what stops it. */
  every(milliseconds: number, tick: () => void): () => void;
}

/** How a renderer shows things. */
export interface RendererOptions {
  /** Whether to use colours: what `--color`, NO_COLOR and the terminal decided. */
  readonly color: boolean;
  /** Whether debug messages are shown. */
  readonly verbose: boolean;
  /** Whether a CI system reads along: its commands are then made harmless in text from outside. */
  readonly ci?: boolean;
  /** Defaults to {@link systemClock}. */
  readonly clock?: Clock;
}

/** Bytes by how they came to be where they are now. */
export interface TransferredBytes {
  readonly pulled: number;
  readonly mounted: number;
  readonly pushed: number;
  /** Needed by the result, but already at its place. */
  readonly skipped: number;
}

/** What is shown when a command succeeded, besides the phases that the events told of. */
export interface Summary {
  /** What came out, such as the reference with its digest. */
  readonly result?: string;
  readonly bytes?: TransferredBytes;
  /** Further facts in the order of showing, such as `['executor', 'crun']`. */
  readonly facts?: readonly (readonly [name: string, value: string])[];
}

/** How a command ended. */
export type Outcome =
  | { readonly ok: true; readonly summary: Summary }
  | { readonly ok: false; readonly error: BuildError };

/** A view of the event stream. Disposing one that is not finished gives the terminal back and says nothing. */
export interface Renderer extends Reporter, Disposable {
  /** Shows the end and gives the terminal back; called once, events after it are dropped. */
  finish(outcome: Outcome): void;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  every(milliseconds, tick) {
    const timer = setInterval(tick, milliseconds).unref();
    return () => clearInterval(timer);
  },
};
