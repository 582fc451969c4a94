/**
 * Dead letters of workers: a file for each range of a partition that has any, named by the range, and so the same where
 * it is read again.
 *
 *     transmissao-efetuada-3/00000000000000000100-00000000000000000300.parquet     [100, 300) of partition 3
 *
 * They are written before the range is committed. A range that was not committed, because its worker was killed or came too
 * late, may leave a file that says again what the file of a committed one says: whoever commits a range deletes those that
 * overlap with it. So none is ever missing, and one that is there twice has the same topic, partition and offset.
 */

import type { ObjectStore, StorePath } from '../store/index.ts';
import type { OffsetRange } from '../stream/index.ts';
import { DeadLetters } from './dead-letters.ts';
import { partitionName } from './partition-progress.ts';

/** `store` is rooted at the job's rejected place; `ranges` are of different partitions. */
export function lettersOfRanges(store: ObjectStore, ranges: readonly OffsetRange[]): DeadLetters {
  const places = new Map(ranges.map((range) => [partitionName(range), placeOf(range)]));
  return new DeadLetters(
    store,
    (topic, partition) => {
      const folder = partitionName({ topic, partition });
      return places.get(folder) ?? folder;
    },
    null,
  );
}

/** Deletes what tries at the ranges left that were not committed; only after `ranges` and `letters` were. */
export async function dropOtherTries(
  store: ObjectStore,
  ranges: readonly OffsetRange[],
  letters: DeadLetters,
): Promise<void> {
  for (const range of ranges) {
    const folder = partitionName(range);
    // What was left says nothing twice where the range has no letters.
    if (![...letters.written].some((path) => path.startsWith(`${folder}/`))) continue;
    const stale: StorePath[] = [];
    for await (const { path } of store.list(folder)) {
      if (!letters.written.has(path) && overlaps(path, range)) stale.push(path);
    }
    await store.delete(stale);
  }
}

function overlaps(path: StorePath, { start, end }: OffsetRange): boolean {
  const match = /\/(\d{20})-(\d{20})[^/]*$/.exec(path);
  return match !== null && Number(match[1]) < end && Number(match[2]) > start;
}

function placeOf(range: OffsetRange): StorePath {
  return `${partitionName(range)}/${padded(range.start)}-${padded(range.end)}`;
}

function padded(offset: number): string {
  return String(offset).padStart(20, '0');
}
