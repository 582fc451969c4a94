/** What may go wrong in one run: chosen by its seed, so that some runs are calm and others are not. */

import type { Random } from '../../src/base/index.ts';

/** How a listing sees files that come and go while it is made. */
export type ListingKind =
  /** All at one moment. */
  | 'atomic'
  /** Page by page, in order, as object stores do. */
  | 'pages'
  /** Part by part in no order, as a large folder on disk is read. */
  | 'folder'
  /** As it was a moment ago. */
  | 'stale';

/** Probabilities of what befalls a call. */
export interface Faults {
  readonly listing: ListingKind;
  /** Refused before any effect. */
  readonly fail: number;
  /** The effect is there, and the answer is not. */
  readonly loseAnswer: number;
  /** Neither is. */
  readonly loseRequest: number;
  /** No answer; the effect comes later. */
  readonly late: number;
  /** A conditional write took effect, was sent again, and met itself. */
  readonly echo: number;
  /** Behind a lost answer, the store is down for a while. */
  readonly outage: number;
  /** The call waits before it takes effect. */
  readonly delay: number;
  /** An overwritten object ends early; only for what readers must not rely on. */
  readonly torn: number;
  /** At each turn, of some process. */
  readonly crash: number;
}

export const CALM: Faults = {
  listing: 'atomic',
  fail: 0,
  loseAnswer: 0,
  loseRequest: 0,
  late: 0,
  echo: 0,
  outage: 0,
  delay: 0,
  torn: 0,
  crash: 0,
};

const LISTINGS: readonly ListingKind[] = ['atomic', 'pages', 'folder', 'stale'];

export function chooseFaults(random: Random): Faults {
  const rate = (max: number): number => (random.float() < 0.4 ? 0 : random.float() * max);
  return {
    listing: LISTINGS[Math.floor(random.float() * LISTINGS.length)] ?? 'atomic',
    fail: rate(0.06),
    loseAnswer: rate(0.2),
    loseRequest: rate(0.1),
    late: rate(0.15),
    echo: rate(0.15),
    outage: random.float() < 0.2 ? 0.3 : 0,
    delay: rate(0.2),
    torn: rate(0.5),
    crash: rate(0.01),
  };
}
