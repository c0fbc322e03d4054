/**
 * Signals: the first one asks for an orderly end, the second one ends at once.
 *
 * Nothing is left behind even then, because the agent and all it started die with this process.
 */

import { BuildError } from '../errors/index.ts';

const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

type Signal = keyof typeof exitCodes;

/** The state of signal handling of this process. */
export interface SignalState extends Disposable {
  readonly signal: AbortSignal;
  /** The exit code that a received signal asks for. */
  exitCode(): number | undefined;
  /** Replaces an error that is only the consequence of a signal by the one that says so. */
  asError(error: BuildError): BuildError;
}

/** Starts handling signals until disposed. */
export function handleSignals(process: NodeJS.Process): SignalState {
  const controller = new AbortController();
  let received: Signal | undefined;
  const handler = (name: Signal) => {
    if (received !== undefined) process.exit(exitCodes[name]);
    received = name;
    controller.abort(interruption(name));
  };
  const names = Object.keys(exitCodes) as Signal[];
  for (const name of names) process.on(name, handler);
  return {
    signal: controller.signal,
    exitCode: () => (received === undefined ? undefined : exitCodes[received]),
    asError: (error) => (received === undefined ? error : interruption(received)),
    [Symbol.dispose]: () => {
      for (const name of names) process.off(name, handler);
    },
  };
}

function interruption(name: Signal): BuildError {
  return new BuildError(name === 'SIGINT' ? 'INTERRUPTED' : 'TERMINATED', `stopped by ${name}`);
}
