/** Time, as an argument: what makes runs repeatable in tests and simulation. */

export interface Clock {
  /** Whole milliseconds since the epoch, UTC. */
  now(): number;
  /** Resolves after `delayMs`; rejects with the signal's reason when it is aborted. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (delayMs, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const stop = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', stop);
        resolve();
      }, delayMs);
      signal?.addEventListener('abort', stop, { once: true });
    }),
};

/** A clock that moves only when told to, or by the sleeps asked of it; for tests and simulation. */
export class ManualClock implements Clock {
  #nowMs: number;

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  advance(deltaMs: number): void {
    this.#nowMs += deltaMs;
  }

  async sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    // Pauses have fractions, the time of day has none.
    this.#nowMs += Math.ceil(delayMs);
    await Promise.resolve();
  }
}

/** The reach of a `Date`, in milliseconds. */
const DATE_MS_MAX = 8.64e15;

/** A time in milliseconds since the epoch as ISO text, in UTC; one that no `Date` reaches as the last one that it does. */
export function isoTime(timeMs: number): string {
  return new Date(Math.max(-DATE_MS_MAX, Math.min(timeMs, DATE_MS_MAX))).toISOString();
}
