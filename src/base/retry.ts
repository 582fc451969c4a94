/** The one place that tries again: on the clock, with jitter and a limit, and only what says it may be retried. */

import type { Clock } from './clock.ts';
import { isDeltaError } from './errors.ts';
import type { Random } from './random.ts';

export interface RetryOptions {
  /** Tries in all, the first included. At least 1. */
  readonly attemptsMax: number;
  /** Bound of the first pause; it doubles with every further one. */
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  readonly signal?: AbortSignal;
}

/** Runs `work` again while it throws an error that is `retryable`; the last error is thrown as it is. */
export async function retry<T>(
  clock: Clock,
  random: Random,
  options: RetryOptions,
  work: (attempt: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    options.signal?.throwIfAborted();
    try {
      return await work(attempt);
    } catch (error) {
      if (attempt >= options.attemptsMax || !isDeltaError(error) || !error.retryable) throw error;
    }
    await clock.sleep(backoffMs(random, options, attempt), options.signal);
  }
}

/** A pause between half of and the whole exponential bound, so that losers of one race do not meet again. */
export function backoffMs(
  random: Random,
  options: Pick<RetryOptions, 'delayMsMin' | 'delayMsMax'>,
  attempt: number,
): number {
  const bound = Math.min(options.delayMsMax, options.delayMsMin * 2 ** Math.min(attempt - 1, 30));
  return bound / 2 + (random.float() * bound) / 2;
}
