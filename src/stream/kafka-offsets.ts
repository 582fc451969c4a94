/**
 * How far a Kafka source has come, as Spark's checkpoints record it, and what its next batch takes:
 *
 *     offsets/N       {"transmissao-efetuada":{"0":100,"1":99}}     for each partition the offset after the last one taken
 *     sources/0/0     NUL v1↵{"transmissao-efetuada":{"0":0,"1":0}}  where the first batch begins
 */

import { isJsonObject, type JsonValue, parseJson } from '../base/index.ts';
import type { ObjectStore } from '../store/index.ts';
import { type BatchOffsets, type Checkpoint, splitVersioned } from './checkpoint.ts';
import { checkpointBroken } from './errors.ts';
import type { OffsetRange, TopicPartition } from './kafka/types.ts';
import { readText, writeOnce } from './write-once.ts';

const INITIAL_FILE = 'sources/0/0';

/** By topic, then by partition. */
export type KafkaOffsets = ReadonlyMap<string, ReadonlyMap<number, number>>;

/** Topics in the order of their names, partitions in that of their numbers. */
export function printKafkaOffsets(offsets: KafkaOffsets): string {
  const topics = [...offsets].sort(([a], [b]) => (a < b ? -1 : 1));
  const members = topics.map(([topic, partitions]) => {
    const rising = [...partitions].sort(([a], [b]) => a - b);
    const texts = rising.map(([partition, offset]) => `"${partition}":${offset}`);
    return `${JSON.stringify(topic)}:{${texts.join(',')}}`;
  });
  return `{${members.join(',')}}`;
}

/** The offsets of a batch. Errors: `CHECKPOINT_BROKEN` where it is not one of a single Kafka source. */
export function readKafkaOffsets(
  checkpoint: Checkpoint,
  batch: number,
  offsets: Pick<BatchOffsets, 'sources'>,
): KafkaOffsets {
  const [text = null] = offsets.sources;
  const parsed = text === null || offsets.sources.length > 1 ? null : parseKafkaOffsets(text);
  if (parsed !== null) return parsed;
  throw checkpointBroken(
    checkpoint.store.uri,
    `offsets/${batch}`,
    'it is not the progress of a single Kafka source',
  );
}

/** Where the first batch begins, or null before it was written. Errors: `CHECKPOINT_BROKEN`, `CHECKPOINT_VERSION`. */
export async function readInitialOffsets(checkpoint: ObjectStore): Promise<KafkaOffsets | null> {
  const text = await readText(checkpoint, INITIAL_FILE);
  if (text === null) return null;
  const [, line = ''] = splitVersioned(checkpoint, INITIAL_FILE, text.replace(/^\0/, ''));
  const parsed = parseKafkaOffsets(line);
  if (parsed !== null) return parsed;
  throw checkpointBroken(checkpoint.uri, INITIAL_FILE, 'it holds no offsets of a Kafka source');
}

/** Says where the first batch begins, once. Errors: `JOB_CONCURRENT` where another process said otherwise. */
export async function writeInitialOffsets(
  checkpoint: ObjectStore,
  offsets: KafkaOffsets,
): Promise<void> {
  await writeOnce(checkpoint, INITIAL_FILE, `\0v1\n${printKafkaOffsets(offsets)}`);
}

/** Null where the text is not of offsets; -1 and -2, by which Spark's options mean the ends, are none. */
export function parseKafkaOffsets(text: string): KafkaOffsets | null {
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  if (!isJsonObject(value)) return null;
  const topics = new Map<string, ReadonlyMap<number, number>>();
  for (const [topic, partitions] of Object.entries(value)) {
    const parsed = parsePartitions(partitions);
    if (parsed === null) return null;
    topics.set(topic, parsed);
  }
  return topics;
}

function parsePartitions(value: JsonValue | undefined): ReadonlyMap<number, number> | null {
  if (!isJsonObject(value)) return null;
  const partitions = new Map<number, number>();
  for (const [partition, offset] of Object.entries(value)) {
    const isOffset = typeof offset === 'number' && Number.isSafeInteger(offset) && offset >= 0;
    if (!/^\d{1,9}$/.test(partition) || !isOffset) return null;
    partitions.set(Number(partition), offset);
  }
  return partitions;
}

/** Where the partitions that are there now begin and end; both have the same ones. */
export interface KafkaBounds {
  /** The first record that is there. */
  readonly earliest: KafkaOffsets;
  /** After the last one. */
  readonly latest: KafkaOffsets;
}

/** Records that were never taken, or may not have been, and cannot be any more. */
export type KafkaLoss = TopicPartition &
  (
    | {
        /** The records from `start` to before `end` are gone: retention. */
        readonly kind: 'expired';
        readonly start: number;
        readonly end: number;
      }
    /** The partition ends before what was taken of it: its topic was made anew. It is taken from its first record. */
    | { readonly kind: 'rewound'; readonly start: number; readonly end: number }
    /** The partition is not there any more; it was taken up to `start`. */
    | { readonly kind: 'removed'; readonly start: number }
  );

export interface KafkaPlan {
  /** What `offsets/N` records. */
  readonly end: KafkaOffsets;
  /** With records only, in the order of topics and partitions. */
  readonly ranges: readonly OffsetRange[];
  /** Left out of the ranges. Whether the batch may go on without them is for the caller to say. */
  readonly losses: readonly KafkaLoss[];
}

/**
 * The next batch after `from`, up to `bounds.latest`. `limit` records are shared by lag with Spark's rounding: down, but
 * at least one for each partition that has any. A partition that `from` does not know is taken from its first record.
 */
export function planRanges(spec: {
  readonly from: KafkaOffsets;
  readonly bounds: KafkaBounds;
  /** Default: all there is. */
  readonly limit?: number;
}): KafkaPlan {
  const { from, bounds, limit = Infinity } = spec;
  const lags = partitionsOf(bounds.latest).map(({ topic, partition, offset: latest }) => {
    const start = startOf(from, bounds.earliest, { topic, partition, end: latest });
    return { topic, partition, start, latest, size: Math.max(0, latest - start) };
  });
  const total = lags.reduce((sum, { size }) => sum + size, 0);
  const end = new Map<string, Map<number, number>>();
  for (const { topic, partition, start, latest, size } of lags) {
    const share = limit * (size / total);
    const taken = share < 1 ? Math.ceil(share) : Math.floor(share);
    const offset = size === 0 || limit === Infinity ? latest : Math.min(latest, start + taken);
    const partitions = end.get(topic) ?? new Map<number, number>();
    end.set(topic, partitions.set(partition, offset));
  }
  return rangesBetween({ from, end, earliest: bounds.earliest });
}

/**
 * The ranges of a batch whose end is known: one that was planned and is run again. `earliest` is what it is now, so that
 * what has expired since it was planned shows as a loss.
 */
export function rangesBetween(spec: {
  readonly from: KafkaOffsets;
  readonly end: KafkaOffsets;
  readonly earliest: KafkaOffsets;
}): KafkaPlan {
  const { from, end, earliest } = spec;
  const ranges: OffsetRange[] = [];
  const losses: KafkaLoss[] = [];
  for (const { topic, partition, offset } of partitionsOf(end)) {
    const start = startOf(from, earliest, { topic, partition, end: offset });
    if (start < offset) ranges.push({ topic, partition, start, end: offset });
    // Offsets begin at 0: a partition that is new and begins later lost what came before.
    const before = from.get(topic)?.get(partition) ?? 0;
    const kind = before > offset ? 'rewound' : 'expired';
    const lost = { topic, partition, start: before };
    if (kind === 'rewound') losses.push({ ...lost, kind, end: offset });
    else if (start > before) losses.push({ ...lost, kind, end: Math.min(start, offset) });
  }
  for (const { topic, partition, offset: start } of partitionsOf(from)) {
    if (end.get(topic)?.has(partition) !== true) {
      losses.push({ topic, partition, start, kind: 'removed' });
    }
  }
  return { end, ranges, losses };
}

/** The partitions that end before what was taken of them, as far as `latest` says. */
export function behind(from: KafkaOffsets, latest: KafkaOffsets): readonly TopicPartition[] {
  return partitionsOf(from).filter(
    ({ topic, partition, offset }) =>
      (latest.get(topic)?.get(partition) ?? Number.POSITIVE_INFINITY) < offset,
  );
}

/**
 * The same bounds, but for partitions that hold more than is decided: where a transaction is open, what was taken of one by a
 * reader that did not wait for it may lie beyond `latest`, and nothing is lost. `ends` are the ends of what is there.
 */
export function withUndecided(
  bounds: KafkaBounds,
  from: KafkaOffsets,
  ends: KafkaOffsets,
): KafkaBounds {
  const latest = [...bounds.latest].map(([topic, partitions]) => {
    const offsets = [...partitions].map(([partition, offset]) => {
      const taken = from.get(topic)?.get(partition) ?? offset;
      const end = ends.get(topic)?.get(partition) ?? offset;
      return [partition, offset < taken && taken <= end ? taken : offset] as const;
    });
    return [topic, new Map(offsets)] as const;
  });
  return { ...bounds, latest: new Map(latest) };
}

function startOf(
  from: KafkaOffsets,
  earliest: KafkaOffsets,
  at: TopicPartition & { readonly end: number },
): number {
  const first = earliest.get(at.topic)?.get(at.partition) ?? 0;
  const before = from.get(at.topic)?.get(at.partition) ?? first;
  return before > at.end ? first : Math.max(before, first);
}

function partitionsOf(
  offsets: KafkaOffsets,
): readonly (TopicPartition & { readonly offset: number })[] {
  const found = [...offsets].flatMap(([topic, partitions]) =>
    [...partitions].map(([partition, offset]) => ({ topic, partition, offset })),
  );
  return found.sort((a, b) =>
    a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1,
  );
}
