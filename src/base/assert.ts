/** Assertions are for bugs of ours; what the world may do wrong is a `DeltaError` with its own code. */

import { DeltaError } from './errors.ts';

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new DeltaError({ kind: 'internal', code: 'BUG', message });
}

/** The end of a `switch` over a union: does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new DeltaError({
    kind: 'internal',
    code: 'BUG',
    message: `a case was not handled: ${String(value)}`,
  });
}

/** The value, or a `BUG` error where it is missing. */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) {
    throw new DeltaError({ kind: 'internal', code: 'BUG', message: `${what} is missing` });
  }
  return value;
}
