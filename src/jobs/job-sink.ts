/** What a run asks of a sink: a batch is taken once, whatever is done again. */

import type { Codec, KeySet } from '../parquet/index.ts';
import type { StructType } from '../schema/index.ts';
import type {
  MessageFile,
  MessageReader,
  OffsetRange,
  ReadMessagesOptions,
} from '../stream/index.ts';
import type { PreparedInput } from '../table/index.ts';

export interface JobBatch {
  readonly batch: number;
  /** Which plan the batch was made from: of `offsets/N`, or of the claims. */
  readonly digest: string;
  /** Of a batch of one of several workers: what the commit keeps as progress, in place of the batch's number. */
  readonly claims?: readonly RangeClaim[];
}

/** Offsets that a worker takes of a partition. */
export interface RangeClaim extends OffsetRange {
  /** Where the partition stands in the table, so that the range may go in; null where the table does not know it. */
  readonly expected: number | null;
}

/** What a batch did to the sink. */
export interface Written {
  readonly duplicates: number;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

export const NO_ROWS: Written = { duplicates: 0, inserted: 0, updated: 0, deleted: 0 };

/** Rows as Parquet files, all of them read by `schema`. */
export interface SinkRows {
  readonly inputs: readonly PreparedInput[];
  readonly schema: StructType;
}

/** What others read by, as it is now. */
export interface Published {
  /** The version of the table; null where there is none. */
  readonly version: number | null;
  /** Messages that went to a topic. */
  readonly posted: number;
}

/** A sink that takes messages as they are, in files of one topic partition each. */
export interface MessageSink {
  /** Columns that the folders say. */
  readonly partitionColumns: readonly string[];
  /** Of its files. */
  readonly codec: Codec;
  /** Before messages are read: what is known of keys that have entered. */
  begin(
    ranges: readonly OffsetRange[],
    reader: MessageReader,
    signal: AbortSignal | undefined,
  ): Promise<KnownMessages>;
  /** Commits the files of a batch as one. */
  writeMessages(batch: JobBatch, files: readonly MessageFile[]): Promise<Written>;
}

/** Keys, as far as one batch is concerned. */
export interface KnownMessages {
  /** The keys of the batch's rows; filled while it is read. Null where keys do not matter. */
  readonly seen: KeySet | null;
  /** Whether a row of an earlier batch has the key; null where that does not matter. */
  readonly isKnown: ReadMessagesOptions['isKnown'];
}

export interface JobSink {
  /** What people call it: `db.table`, a folder, a topic. */
  readonly label: string;
  /** Whether it must see the rows of a batch again that it has: it was perhaps stopped before it passed them on. */
  readonly needsRowsAgain: boolean;
  /** Makes it and tells others of it, before anything is read; gives its version, or null where it has none. */
  prepare(): Promise<number | null>;
  /** Whether it has the batch already. Errors: `JOB_BATCH_MISMATCH` where it has another one of that number. */
  isApplied(batch: JobBatch): Promise<boolean>;
  /** Commits the rows of a batch as one. */
  write(batch: JobBatch, rows: SinkRows): Promise<Written>;
  /** Brings up to date what others read by; also after a batch that was there already. */
  publish(batch: JobBatch): Promise<Published>;
  close(): Promise<void>;
  /** What looks like a mistake, as far as it was seen. Default none. */
  readonly warnings?: readonly string[];
  /** Where messages can go past the making of tables of them. */
  readonly messages?: MessageSink;
}
