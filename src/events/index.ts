/**
 * Progress as data: what happens in a build is told as a stream of these events, and every user
 * interface (terminal tree, plain lines, JSON lines) is a view of that stream.
 *
 * Times are milliseconds since the epoch, sizes are bytes.
 */

/** The phases of a build, in the order in which they end. */
export const phases = [
  'resolve',
  'fetch',
  'unpack',
  'source',
  'restore',
  'assemble',
  'steps',
  'runtime',
  'capture',
  'compose',
  'publish',
  'keep',
] as const;

/** The name of a phase. */
export type Phase = (typeof phases)[number];

/** A phase began, ended, failed or was not needed. */
export interface PhaseEvent {
  readonly type: 'phase';
  readonly phase: Phase;
  readonly state: 'started' | 'finished' | 'failed' | 'skipped';
  readonly time: number;
  /** A short result or reason, such as `5 of 6 layers already here`. */
  readonly detail?: string;
}

/** Bytes moved or items handled by one named piece of work inside a phase. */
export interface ProgressEvent {
  readonly type: 'progress';
  readonly phase: Phase;
  /** Identifies the piece of work within its phase, such as a digest. */
  readonly id: string;
  readonly label: string;
  readonly current: number;
  readonly total?: number;
  readonly unit: 'bytes' | 'items';
  readonly time: number;
}

/** Output of a script that runs in the sandbox, byte for byte. */
export interface OutputEvent {
  readonly type: 'output';
  readonly phase: Phase;
  readonly stream: 'stdout' | 'stderr';
  readonly chunk: Uint8Array;
  readonly time: number;
}

/** A message of ours. Text from outside is escaped by the renderer, not here. */
export interface LogEvent {
  readonly type: 'log';
  readonly level: 'debug' | 'info' | 'warning';
  readonly message: string;
  readonly phase?: Phase;
  readonly time: number;
}

/** Everything that a build tells about itself. */
export type BuildEvent = PhaseEvent | ProgressEvent | OutputEvent | LogEvent;

/** Takes events; must not throw and must not block. */
export interface Reporter {
  emit(event: BuildEvent): void;
}

/** A reporter that drops everything, for library use and tests. */
export const silentReporter: Reporter = { emit: () => {} };
