/**
 * Dead letters of workers: a file for each range of a partition that has any, named by the range, and so the same where
 * it is read again.
 *
 *     transmissao-efetuada-3/00000000000000000100-00000000000000000300.parquet     [100, 300) of partition 3
 *
 * They are written before the range is committed. A range that was not committed, because its worker was killed or came too
 * late, may leave a file that says again what those of committed ranges say. Whoever commits a range, takes a partition
 * over or comes too late deletes such files, so that none is missing at any time, and none is there twice for long.
 */

import { isDeltaError } from '../base/index.ts';
import { readFooter, readRows, storeSource } from '../parquet/index.ts';
import type { ObjectStore, StorePath } from '../store/index.ts';
import type { OffsetRange, TopicPartition } from '../stream/index.ts';
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

/**
 * Deletes what tries at ranges of a partition left that were not committed. `stored` is where the table says that the
 * partition stands: ranges that begin before it are committed by now, or never will be.
 */
export async function dropOtherTries(
  store: ObjectStore,
  place: TopicPartition,
  stored: number,
): Promise<void> {
  const decided = (await filesOf(store, place)).filter(({ start }) => start < stored);
  // No committed range goes beyond, and what follows is written by whoever commits it.
  const beyond = decided.filter(({ end }) => end > stored);
  const repeated = await repeatedAmong(
    store,
    decided.filter(({ end }) => end <= stored),
  );
  await store.delete([...beyond, ...repeated].map(({ path }) => path));
}

interface RangeFile {
  readonly path: StorePath;
  readonly sizeBytes: number;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

async function filesOf(store: ObjectStore, place: TopicPartition): Promise<readonly RangeFile[]> {
  const files: RangeFile[] = [];
  for await (const { path, sizeBytes } of store.list(partitionName(place))) {
    const [, start, end] = /\/(\d{20})-(\d{20})[^/]*$/.exec(path) ?? [];
    if (start === undefined || end === undefined) continue;
    files.push({ path, sizeBytes, start: Number(start), end: Number(end) });
  }
  return files;
}

/** Those whose letters are all in others, which stay. */
async function repeatedAmong(
  store: ObjectStore,
  files: readonly RangeFile[],
): Promise<readonly RangeFile[]> {
  const doubtful = files.filter((file) => files.some((other) => overlap(file, other)));
  if (doubtful.length === 0) return [];
  const offsets = await Promise.all(doubtful.map((file) => offsetsOf(store, file)));
  const counts = new Map<number, number>();
  for (const offset of offsets.flat()) counts.set(offset, (counts.get(offset) ?? 0) + 1);
  const repeated: RangeFile[] = [];
  // The longest first: a try that went over the end of a committed range is told by that one and the next.
  const longestFirst = doubtful
    .map((file, index) => ({ file, offsets: offsets[index] ?? [] }))
    .sort((left, right) => lengthOf(right.file) - lengthOf(left.file));
  for (const { file, offsets: own } of longestFirst) {
    if (!own.every((offset) => (counts.get(offset) ?? 0) > 1)) continue;
    repeated.push(file);
    for (const offset of own) counts.set(offset, (counts.get(offset) ?? 0) - 1);
  }
  return repeated;
}

/** Whether ranges share messages; the parts of one range do not. */
function overlap(left: RangeFile, right: RangeFile): boolean {
  if (left.start === right.start && left.end === right.end) return false;
  return left.start < right.end && right.start < left.end;
}

function lengthOf({ start, end }: RangeFile): number {
  return end - start;
}

async function offsetsOf(
  store: ObjectStore,
  { path, sizeBytes }: RangeFile,
): Promise<readonly number[]> {
  const source = storeSource(store, path, { sizeBytes });
  const columns = [['offset']];
  try {
    const rows = await Array.fromAsync(readRows(source, await readFooter(source), { columns }));
    return rows.map((row) => Number(row['offset']));
  } catch (error) {
    // The worker that had the partition before may be deleting it.
    if (isDeltaError(error, 'STORE_NOT_FOUND')) return [];
    throw error;
  }
}

function placeOf(range: OffsetRange): StorePath {
  return `${partitionName(range)}/${padded(range.start)}-${padded(range.end)}`;
}

function padded(offset: number): string {
  return String(offset).padStart(20, '0');
}
