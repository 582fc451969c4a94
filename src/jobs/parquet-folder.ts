/** A folder of Parquet files as the sink of a job: messages as they are, each key once. */

import type { Codec } from '../parquet/index.ts';
import { printDate } from '../schema/index.ts';
import type { ObjectStore } from '../store/index.ts';
import {
  DATE_COLUMN,
  type MessageFile,
  type MessageReader,
  type OffsetRange,
  openParquetSink,
  type ParquetSink,
} from '../stream/index.ts';
import type { ParquetFolderSink, Trigger } from './job.ts';
import type { Run } from './job-context.ts';
import {
  type JobBatch,
  type JobSink,
  type KnownMessages,
  type MessageSink,
  NO_ROWS,
  type Published,
  type Written,
} from './job-sink.ts';
import { KnownKeys } from './known-keys.ts';

/** Memory for known keys: where many batches follow, it is worth more to keep them. */
const KEYS_BYTES_MAX: Readonly<Record<Trigger['kind'], number>> = {
  once: 64 * 1024 * 1024,
  interval: 512 * 1024 * 1024,
  continuous: 512 * 1024 * 1024,
};

export class ParquetFolder implements JobSink, MessageSink {
  readonly label: string;
  readonly needsRowsAgain = false;
  readonly messages: MessageSink = this;
  readonly partitionColumns: readonly string[];
  readonly codec: Codec;
  readonly #sink: ParquetSink;
  /** Null where messages may have the same key. */
  readonly #keys: KnownKeys | null;

  private constructor(spec: {
    readonly store: ObjectStore;
    readonly partitionColumns: readonly string[];
    readonly codec: Codec;
    readonly sink: ParquetSink;
    readonly keys: KnownKeys | null;
  }) {
    this.label = spec.store.uri;
    this.partitionColumns = spec.partitionColumns;
    this.codec = spec.codec;
    this.#sink = spec.sink;
    this.#keys = spec.keys;
  }

  static async open(
    run: Run,
    { location, partitionColumns, codec }: ParquetFolderSink,
  ): Promise<ParquetFolder> {
    const { context, checkpoint, job } = run;
    const store = context.openStore(location);
    const sink = await openParquetSink(store, { clock: context.clock, checkpoint, codec });
    const { dropDuplicates } = job;
    const keys =
      dropDuplicates === null
        ? null
        : new KnownKeys(store, context.clock, {
            column: dropDuplicates.columns[0] ?? '',
            against: dropDuplicates.against,
            horizonDays: dropDuplicates.horizonDays,
            keptBytesMax: KEYS_BYTES_MAX[job.trigger.kind],
          });
    return new ParquetFolder({ store, partitionColumns, codec, sink, keys });
  }

  prepare(): Promise<number | null> {
    return Promise.resolve(null);
  }

  isApplied({ batch }: JobBatch): Promise<boolean> {
    return Promise.resolve(this.#sink.isApplied(batch));
  }

  async begin(
    ranges: readonly OffsetRange[],
    reader: MessageReader,
    signal: AbortSignal | undefined,
  ): Promise<KnownMessages> {
    if (this.#keys === null) return { seen: null, isKnown: null };
    return this.#keys.begin((onKey) => reader.readKeys(ranges, onKey, signal));
  }

  /** Rows of other sources are refused when the configuration is checked. */
  write({ batch }: JobBatch): Promise<Written> {
    throw new TypeError(`batch ${batch} comes as messages to a folder of Parquet files`);
  }

  async writeMessages({ batch }: JobBatch, files: readonly MessageFile[]): Promise<Written> {
    const written = await this.#sink.write(
      batch,
      files.map(({ topic, partition, date, bytes }) => ({
        topic,
        partition,
        partitionValues: new Map(
          this.partitionColumns.map((column) => [
            column,
            valueOf(column, { topic, partition, date }),
          ]),
        ),
        bytes,
      })),
    );
    await this.#sink.commit(batch);
    this.#keys?.entered(written.map(({ path }) => path));
    const inserted = files.reduce((sum, { rowCount }) => sum + rowCount, 0);
    return { ...NO_ROWS, inserted };
  }

  publish(): Promise<Published> {
    return Promise.resolve({ version: null, posted: 0 });
  }

  close(): Promise<void> {
    return this.#sink.clean();
  }
}

function valueOf(
  column: string,
  { topic, partition, date }: Pick<MessageFile, 'topic' | 'partition' | 'date'>,
): string | null {
  switch (column) {
    case DATE_COLUMN:
      return date === null ? null : printDate(date);
    case 'topic':
      return topic;
    default:
      return String(partition);
  }
}
