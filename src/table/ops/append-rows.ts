/** Rows → data files: split by partition, cut at a target size, with no more in memory than that. */

import type { Table } from 'apache-arrow';

import { present } from '../../base/index.ts';
import type { PartitionValues } from '../../log/index.ts';
import { checkRow, nanColumns, rowsToArrow, writeParquet } from '../../parquet/index.ts';
import {
  type DataType,
  findField,
  printPartitionValue,
  type Row,
  type Scalar,
  toScalar,
} from '../../schema/index.ts';
import type { TableContext } from '../types.ts';
import { totalOf } from './append-commit.ts';
import { discardFiles, type FileTarget, putDataFile, type StagedFile } from './append-file.ts';
import { partitionValueUnfit } from './errors.ts';

/** Rows that wait as objects; then they become a batch of columns, which is several times smaller. */
const ROWS_WAITING_MAX = 16_384;
/** Bytes of columns in memory, over all partitions, before the largest one is written. */
const BUFFERED_BYTES_MAX = 128 * 1024 * 1024;

export interface RowsOptions {
  /** Size of a file, before compression, at which it is closed. In bytes. */
  readonly targetFileSizeBytes: number;
  readonly signal?: AbortSignal;
}

/** Writes the rows in their order, a partition's into files of its own. All files, or none left behind. */
export async function stageRows(
  ctx: TableContext,
  target: FileTarget,
  rows: Iterable<Row> | AsyncIterable<Row>,
  options: RowsOptions,
): Promise<readonly StagedFile[]> {
  const writer = new RowWriter(ctx, target, options.targetFileSizeBytes);
  try {
    for await (const row of rows) {
      options.signal?.throwIfAborted();
      await writer.add(row);
    }
    return await writer.finish();
  } catch (error) {
    await discardFiles(ctx, writer.files);
    throw error;
  }
}

/** One file of the rows of an Arrow table, which has the columns of the files. */
export async function stageTable(
  ctx: TableContext,
  target: FileTarget,
  partitionValues: PartitionValues,
  table: Table,
): Promise<StagedFile | null> {
  return putDataFile(ctx, target, partitionValues, {
    bytes: await writeParquet(table, { codec: target.codec }),
    nanColumns: await nanColumns(table),
  });
}

interface Partition {
  readonly values: PartitionValues;
  waiting: Row[];
  /** Of the waiting rows, among all rows. */
  waitingIndexes: number[];
  tables: Table[];
  sizeBytes: number;
}

class RowWriter {
  readonly files: StagedFile[] = [];
  readonly #ctx: TableContext;
  readonly #target: FileTarget;
  readonly #fileSizeBytes: number;
  readonly #partitions = new Map<string, Partition>();
  #rowCount = 0;
  #waitingCount = 0;
  #bufferedBytes = 0;

  constructor(ctx: TableContext, target: FileTarget, fileSizeBytes: number) {
    this.#ctx = ctx;
    this.#target = target;
    this.#fileSizeBytes = Math.min(fileSizeBytes, BUFFERED_BYTES_MAX);
  }

  async add(row: Row): Promise<void> {
    checkRow(row, this.#rowCount);
    const partition = this.#partitionOf(row);
    partition.waiting.push(row);
    partition.waitingIndexes.push(this.#rowCount);
    this.#rowCount += 1;
    this.#waitingCount += 1;
    if (this.#waitingCount < ROWS_WAITING_MAX) return;
    for (const partition of this.#partitions.values()) await this.#pack(partition);
    while (this.#bufferedBytes > BUFFERED_BYTES_MAX) await this.#flush(this.#largest());
  }

  async finish(): Promise<readonly StagedFile[]> {
    for (const partition of this.#partitions.values()) {
      await this.#pack(partition);
      await this.#flush(partition);
    }
    return this.files;
  }

  #partitionOf(row: Row): Partition {
    const { partitionColumns, schema } = this.#target;
    const values = Object.fromEntries(
      partitionColumns.map((column) => {
        const { type } = present(findField(schema, column), `the partition column ${column}`);
        return [column, printPartitionValue(this.#partitionScalar(row, column, type), type)];
      }),
    );
    const key = partitionColumns.length === 0 ? '' : JSON.stringify(values);
    const known = this.#partitions.get(key);
    if (known !== undefined) return known;
    const partition = { values, waiting: [], waitingIndexes: [], tables: [], sizeBytes: 0 };
    this.#partitions.set(key, partition);
    return partition;
  }

  #partitionScalar(row: Row, column: string, type: DataType): Scalar | null {
    try {
      return toScalar(Object.hasOwn(row, column) ? row[column] : null, type);
    } catch (error) {
      throw partitionValueUnfit(this.#rowCount, column, error);
    }
  }

  /** Waiting rows become columns; a partition that has reached the size of a file is written. */
  async #pack(partition: Partition): Promise<void> {
    if (partition.waiting.length === 0) return;
    const { schema, partitionColumns } = this.#target;
    const { waitingIndexes: rowIndexes } = partition;
    const table = await rowsToArrow(schema, partition.waiting, { partitionColumns, rowIndexes });
    this.#waitingCount -= partition.waiting.length;
    partition.waiting = [];
    partition.waitingIndexes = [];
    partition.tables.push(table);
    const sizeBytes = totalOf(table.batches, (batch) => batch.data.byteLength);
    partition.sizeBytes += sizeBytes;
    this.#bufferedBytes += sizeBytes;
    if (partition.sizeBytes >= this.#fileSizeBytes) await this.#flush(partition);
  }

  async #flush(partition: Partition): Promise<void> {
    const [first, ...others] = partition.tables;
    if (first === undefined) return;
    this.#bufferedBytes -= partition.sizeBytes;
    partition.tables = [];
    partition.sizeBytes = 0;
    const file = await stageTable(
      this.#ctx,
      this.#target,
      partition.values,
      first.concat(...others),
    );
    if (file !== null) this.files.push(file);
  }

  #largest(): Partition {
    const partitions = [...this.#partitions.values()];
    return partitions.reduce((a, b) => (b.sizeBytes > a.sizeBytes ? b : a));
  }
}
