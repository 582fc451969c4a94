/** Exit codes, one per kind of error, so that a scheduler can decide without reading text. */

import type { ErrorKind } from '../base/index.ts';

export const EXIT_OK = 0;
/** A bug of this program. */
export const EXIT_INTERNAL = 1;
/** The command line, the configuration or the call is wrong: change it. */
export const EXIT_INVALID = 2;
/** What was read is wrong: a corrupt log, a broken file, input rejected under `--strict`. */
export const EXIT_DATA = 3;
/** A store, catalog or service did not answer: run again later. */
export const EXIT_UNAVAILABLE = 4;
/** Another writer won: run again. */
export const EXIT_CONFLICT = 5;
/** A table feature or expression that is not supported. */
export const EXIT_UNSUPPORTED = 6;
/** Stopped by a signal: this and the signal's number, as shells have it. */
export const EXIT_SIGNAL = 128;

export const EXIT_CODE: Readonly<Record<ErrorKind, number>> = {
  internal: EXIT_INTERNAL,
  invalid: EXIT_INVALID,
  data: EXIT_DATA,
  unavailable: EXIT_UNAVAILABLE,
  conflict: EXIT_CONFLICT,
  unsupported: EXIT_UNSUPPORTED,
};
