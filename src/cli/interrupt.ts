/** Ctrl-C and a scheduler's SIGTERM: work stops between its steps, so that nothing half-written stays behind. */

import { constants } from 'node:os';

import { type DeltaError, isDeltaError } from '../base/index.ts';
import { STOPPED, stopped } from './errors.ts';

export interface Interrupt {
  /** Aborted by the first signal, with a `STOPPED` error. The second one ends the process at once. */
  readonly signal: AbortSignal;
  /** Leaves signals to Node again. */
  release(): void;
}

export function listenForInterrupt(): Interrupt {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals): void => controller.abort(stopped(name));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  return {
    signal: controller.signal,
    release: () => {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    },
  };
}

/** The number of the signal that stopped the work, or null for any other error. */
export function stopSignalOf(error: DeltaError): number | null {
  if (!isDeltaError(error, STOPPED)) return null;
  return error.details['signal'] === 'SIGINT'
    ? constants.signals.SIGINT
    : constants.signals.SIGTERM;
}
