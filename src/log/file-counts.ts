/**
 * How the live files of a state are spread over sizes, and what deletion vectors hide of them: counted once, and then from each
 * commit to the next. PROTOCOL.md, "Version Checksum File".
 */

import type { Action, DeletionVectorDescriptor } from './actions.ts';
import { checksumDifferences } from './checksum-differences.ts';
import { pathKey } from './file-key.ts';
import { type FileSizeHistogram, HISTOGRAM_STARTS, HistogramCounter } from './size-histogram.ts';
import type { LogState } from './state.ts';
import { supportsFeature } from './table-features.ts';
import type { VersionChecksum } from './version-checksum.ts';

export interface FileCounts {
  readonly histogram: FileSizeHistogram;
  /** Live files that have a deletion vector. */
  readonly vectorCount: number;
  /** Rows that these delete. */
  readonly deletedRowCount: number;
}

const KNOWN = new WeakMap<LogState, FileCounts>();

/** Looks at every live file, unless the state was counted before. */
export function fileCounts(state: LogState): FileCounts {
  const known = KNOWN.get(state);
  if (known !== undefined) return known;
  const counter = new Counter(NOTHING);
  state.files.measure((size, vector) => counter.count(size, vector, 1));
  return remember(state, counter.finish());
}

/** Whether the state was counted before. */
export function hasFileCounts(state: LogState): boolean {
  return KNOWN.has(state);
}

/** Takes the counts of a state from its checksum file, where that says them and agrees with the state in all else. */
export function adoptFileCounts(state: LogState, checksum: VersionChecksum): void {
  const { histogram, vectorCount, deletedRowCount } = checksum;
  if (histogram === null || checksumDifferences(state, checksum).length > 0) return;
  const { starts, fileCounts: counts, sizeBytes } = histogram;
  const isOurs =
    starts.length === HISTOGRAM_STARTS.length &&
    starts.every((start, bin) => start === HISTOGRAM_STARTS[bin]);
  if (!isOurs || sum(counts) !== state.files.size || sum(sizeBytes) !== state.files.sizeBytes)
    return;
  const hasVectors = supportsFeature(state.protocol, 'deletionVectors');
  if (hasVectors && (vectorCount === null || deletedRowCount === null)) return;
  remember(state, {
    histogram,
    vectorCount: vectorCount ?? 0,
    deletedRowCount: deletedRowCount ?? 0,
  });
}

/**
 * Counts a state from the one before it and the commit between them, at the cost of what the commit changed; where the one
 * before was never counted, nothing is done. `before`: null for the first commit of a table.
 */
export function carryFileCounts(
  before: LogState | null,
  after: LogState,
  actions: readonly Action[],
): void {
  const start = before === null ? NOTHING : KNOWN.get(before);
  if (start === undefined) return;
  const counter = new Counter(start);
  for (const key of touchedKeys(actions)) {
    const [old, now] = [before?.files.get(key) ?? null, after.files.get(key)];
    if (old !== null) counter.count(old.size, old.deletionVector, -1);
    if (now !== null) counter.count(now.size, now.deletionVector, 1);
  }
  remember(after, counter.finish());
}

function touchedKeys(actions: readonly Action[]): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const action of actions) {
    if (action.kind === 'add') keys.add(pathKey(action.add.path));
    if (action.kind === 'remove') keys.add(pathKey(action.remove.path));
  }
  return keys;
}

const NOTHING: FileCounts = {
  histogram: new HistogramCounter(HISTOGRAM_STARTS).finish(),
  vectorCount: 0,
  deletedRowCount: 0,
};

class Counter {
  readonly #histogram: HistogramCounter;
  #vectorCount: number;
  #deletedRowCount: number;

  constructor({ histogram, vectorCount, deletedRowCount }: FileCounts) {
    this.#histogram = HistogramCounter.from(histogram);
    this.#vectorCount = vectorCount;
    this.#deletedRowCount = deletedRowCount;
  }

  count(size: number, vector: DeletionVectorDescriptor | undefined, times: 1 | -1): void {
    this.#histogram.count(size, times);
    if (vector === undefined) return;
    this.#vectorCount += times;
    this.#deletedRowCount += times * vector.cardinality;
  }

  finish(): FileCounts {
    return {
      histogram: this.#histogram.finish(),
      vectorCount: this.#vectorCount,
      deletedRowCount: this.#deletedRowCount,
    };
  }
}

function remember(state: LogState, counts: FileCounts): FileCounts {
  KNOWN.set(state, counts);
  return counts;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
