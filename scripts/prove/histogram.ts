/** How long things took, to the millisecond. */

/** What takes longer is counted as this. */
const MS_MAX = 3_600_000;

export class Histogram {
  readonly #counts = new Uint32Array(MS_MAX + 1);
  count = 0;
  maxMs = 0;

  add(ms: number): void {
    const whole = Math.min(MS_MAX, Math.max(0, Math.ceil(ms)));
    this.#counts[whole] = (this.#counts[whole] ?? 0) + 1;
    this.count += 1;
    this.maxMs = Math.max(this.maxMs, whole);
  }

  /** The time within which this share came in, from 0 to 1. */
  quantile(share: number): number {
    let rest = Math.ceil(share * this.count);
    for (let ms = 0; ms <= this.maxMs; ms += 1) {
      rest -= this.#counts[ms] ?? 0;
      if (rest <= 0) return ms;
    }
    return this.maxMs;
  }
}
