/** Ctrl-C and a scheduler's SIGTERM: work stops between its steps, so that nothing half-written stays behind. */

import { constants } from 'node:os';

import { type DeltaError, isDeltaError } from '../base/index.ts';
import { STOPPED, stopped } from './errors.ts';

export interface Interrupt {
  /** Aborted by the first signal: what can be ended in good order ends then. */
  readonly stop: AbortSignal;
  /** Aborted with a `STOPPED` error, `graceMs` after the first signal. The second one ends the process at once. */
  readonly signal: AbortSignal;
  /** Time to end in good order. Default 0: work stops between its steps. */
  graceMs: number;
  /** Leaves signals to Node again. */
  release(): void;
}

export function listenForInterrupt(): Interrupt {
  const stopping = new AbortController();
  const aborting = new AbortController();
  let timer: NodeJS.Timeout | null = null;
  const interrupt = (name: NodeJS.Signals): void => {
    // The next signal, of either kind, is Node's again, and ends the process.
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    stopping.abort(stopped(name));
    const abort = (): void => aborting.abort(stopped(name));
    if (handle.graceMs === 0) abort();
    else timer = setTimeout(abort, handle.graceMs);
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const handle: Interrupt = {
    stop: stopping.signal,
    signal: aborting.signal,
    graceMs: 0,
    release: () => {
      if (timer !== null) clearTimeout(timer);
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
    },
  };
  return handle;
}

/** The number of the signal that stopped the work, or null for any other error. */
export function stopSignalOf(error: DeltaError): number | null {
  if (!isDeltaError(error, STOPPED)) return null;
  return error.details['signal'] === 'SIGINT'
    ? constants.signals.SIGINT
    : constants.signals.SIGTERM;
}
