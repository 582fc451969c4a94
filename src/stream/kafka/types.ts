/** What jobs ask of a Kafka broker: offsets, planned ranges of records, and a producer. No consumer group commits offsets here. */

import type { GroupSpec, Membership } from './membership.ts';

export interface TopicPartition {
  readonly topic: string;
  /** From 0. */
  readonly partition: number;
}

export interface TopicInfo {
  readonly topic: string;
  readonly partitionCount: number;
}

/** Which topics: by name, or all whose whole name a pattern matches. */
export type TopicSelection = { readonly names: readonly string[] } | { readonly pattern: RegExp };

/**
 * Where in a partition: its first record, its end as far as it is decided (under `read_committed` the last stable offset), its
 * end with open transactions too, or the first record at or after a time.
 */
export type OffsetAt = 'earliest' | 'latest' | 'end' | { readonly timestampMs: number };

/** Offsets from `start` to before `end`. */
export interface OffsetRange extends TopicPartition {
  readonly start: number;
  readonly end: number;
}

/** What a record says. A field may be made anew each time it is read: read each once. */
export interface RecordFields {
  /** At most 2^53 - 1. */
  readonly offset: number;
  /** Milliseconds since the epoch. */
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  /** Null for a tombstone. */
  readonly value: Uint8Array | null;
  /** In the order they were sent; names may repeat. */
  readonly headers: readonly (readonly [name: Uint8Array, value: Uint8Array | null])[];
}

/** A record as it came. Who takes millions of them reads its fields in place, without a view of each. */
export interface KafkaRecord extends RecordFields {
  /** In which the record is; no length in it leads out of it. */
  readonly memory: Uint8Array;
  /** Where in `memory` key, value and headers begin, laid out as in a record batch (`record-batch.ts`). */
  readonly at: number;
}

export interface ProducedRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[];
  /** Milliseconds since the epoch. */
  readonly timestampMs: number;
  /** Default: by the hash of the key, as Kafka's own clients do it (murmur2). */
  readonly partition?: number;
}

export interface Broker {
  /** What it is called in messages: its addresses, or the folder of a recording. */
  readonly name: string;
  /** In the order of their names. Errors: `KAFKA_TOPIC_MISSING` for a name that is not there. */
  topics(selection: TopicSelection): Promise<readonly TopicInfo[]>;
  /** In the order given; `latest` where no record is at or after a time. */
  offsets(partitions: readonly TopicPartition[], at: OffsetAt): Promise<readonly number[]>;
  /**
   * Hands over every record of the range in order, in portions; those of aborted transactions are left out. Records are
   * valid until `onRecords` returns. Errors: `KAFKA_OFFSET_OUT_OF_RANGE` where `start` is not there any more,
   * with the earliest offset in the details; `KAFKA_UNAVAILABLE`, `KAFKA_DENIED`.
   */
  fetch(
    range: OffsetRange,
    onRecords: (records: readonly KafkaRecord[]) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<void>;
  /**
   * Takes a place in a group that shares out partitions; of a recording, the caller is alone in it. Errors while it is
   * used: `KAFKA_GROUP_SHARED`, `KAFKA_UNAVAILABLE`, `KAFKA_DENIED`.
   */
  join(spec: GroupSpec): Promise<Membership>;
  /** Idempotent, all replicas acknowledge. With `transactionalId`, `transact` is there. */
  producer(options?: { readonly transactionalId?: string }): Promise<Producer>;
  close(): Promise<void>;
}

export interface Producer {
  /** All records are acknowledged when it returns. */
  send(topic: string, records: readonly ProducedRecord[]): Promise<void>;
  /**
   * Sends the records, all at once or in portions so that few are in memory, and notes `marker` (from 0) as the offset of
   * `group`, in one transaction. A broker gives it a minute. An error of the portions themselves aborts it. A producer of the same
   * `transactionalId` that began earlier is fenced: `KAFKA_FENCED`. After `KAFKA_UNAVAILABLE` the marker, read by a new
   * producer of the same id, tells whether the transaction counts. Readers may see the records a moment later.
   */
  transact(
    topic: string,
    records: readonly ProducedRecord[] | AsyncIterable<readonly ProducedRecord[]>,
    marker: { readonly group: string; readonly value: number },
  ): Promise<void>;
  /**
   * The last marker noted for `group`, or null. Kafka forgets it `offsets.retention.minutes` (7 days by default) after it
   * was noted.
   */
  marker(topic: string, group: string): Promise<number | null>;
  close(): Promise<void>;
}
