/** Live files by their size, as checksum files tell them. PROTOCOL.md, "File Size Histogram Schema". */

/** Live files by their size. */
export interface FileSizeHistogram {
  /** Where each bin starts, inclusive, in bytes; the first is 0, and the last has no end. */
  readonly starts: readonly number[];
  readonly fileCounts: readonly number[];
  readonly sizeBytes: readonly number[];
}

const KIB = 1_024;
const MIB = 1_024 * KIB;
const GIB = 1_024 * MIB;

function steps(from: number, to: number, step: number): readonly number[] {
  return Array.from({ length: (to - from) / step + 1 }, (_, index) => from + index * step);
}

/** The bins of Spark, which it wants to find again to count on from them. */
export const HISTOGRAM_STARTS: readonly number[] = [
  0,
  ...[8, 16, 32, 64, 128, 256, 512].map((size) => size * KIB),
  ...[1, 2, 4].map((size) => size * MIB),
  ...steps(8, 40, 4).map((size) => size * MIB),
  ...steps(48, 120, 8).map((size) => size * MIB),
  ...steps(124, 144, 4).map((size) => size * MIB),
  ...steps(160, 576, 16).map((size) => size * MIB),
  ...steps(640, 1_408, 64).map((size) => size * MIB),
  ...steps(1_536, 2_048, 128).map((size) => size * MIB),
  ...steps(2_304, 3_840, 256).map((size) => size * MIB),
  ...[4, 8, 16, 32, 64, 128, 256].map((size) => size * GIB),
];

/** Counts files into bins. */
export class HistogramCounter {
  readonly #starts: readonly number[];
  readonly #fileCounts: number[];
  readonly #sizeBytes: number[];

  constructor(starts: readonly number[]) {
    this.#starts = starts;
    this.#fileCounts = starts.map(() => 0);
    this.#sizeBytes = starts.map(() => 0);
  }

  /** Counts on from there. */
  static from({ starts, fileCounts, sizeBytes }: FileSizeHistogram): HistogramCounter {
    const counter = new HistogramCounter(starts);
    for (const [bin, count] of fileCounts.entries()) counter.#fileCounts[bin] = count;
    for (const [bin, size] of sizeBytes.entries()) counter.#sizeBytes[bin] = size;
    return counter;
  }

  /** A file that comes, or with -1 one that goes. */
  count(sizeBytes: number, times: 1 | -1 = 1): void {
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] ?? 0) <= sizeBytes) low = middle;
      else high = middle;
    }
    this.#fileCounts[low] = (this.#fileCounts[low] ?? 0) + times;
    this.#sizeBytes[low] = (this.#sizeBytes[low] ?? 0) + times * sizeBytes;
  }

  finish(): FileSizeHistogram {
    return {
      starts: this.#starts,
      fileCounts: [...this.#fileCounts],
      sizeBytes: [...this.#sizeBytes],
    };
  }

  equals({ fileCounts, sizeBytes }: FileSizeHistogram): boolean {
    return (
      this.#fileCounts.every((count, bin) => count === fileCounts[bin]) &&
      this.#sizeBytes.every((size, bin) => size === sizeBytes[bin])
    );
  }
}
