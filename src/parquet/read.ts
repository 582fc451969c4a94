/**
 * Decodes Parquet into Arrow batches by way of `parquet-wasm`, one row group at a time: a whole file at once would grow
 * its heap to gigabytes, which it never gives back.
 *
 * Its asynchronous reader is not used: what goes wrong inside it escapes as an uncaught exception, which ends the
 * process. The synchronous one ignores projections, so it is given files that hold only what is wanted.
 */

import type { RecordBatch } from 'apache-arrow';

import { messageOf } from '../base/index.ts';
import { type Projection, wantedRowGroups } from './byte-range.ts';
import { corruptData } from './errors.ts';
import { fetchMiniature } from './miniature.ts';
import { rowsOfBatch } from './rows.ts';
import type { ByteSource, ParquetFooter } from './types.ts';

export interface ReadOptions extends Projection {
  /** Rows in a batch at most. Default 65,536. */
  readonly batchRowsMax?: number;
}

export interface ReadRowsOptions extends ReadOptions {
  /** Rows by their numbers, from 0 in the first row group that is read, rising. Default: all. */
  readonly rows?: readonly number[];
}

const BATCH_ROWS_MAX = 65_536;

/**
 * The rows of a file as Arrow batches, in its order; only the bytes of the columns wanted are read. Columns are in the
 * order of the file, and a struct holds only the members wanted; a projection without any column of the file has no
 * batches. Empty row groups have none either.
 *
 * Errors: those of the source, `PARQUET_TRUNCATED`, `PARQUET_CORRUPT_DATA`, `PARQUET_UNKNOWN_ROW_GROUP` (data),
 * `PARQUET_ENCRYPTED` (unsupported).
 */
export async function* readParquet(
  source: ByteSource,
  footer: ParquetFooter,
  options: ReadOptions = {},
): AsyncGenerator<RecordBatch> {
  for (const rowGroup of wantedRowGroups(footer, options, source.name)) {
    if (rowGroup.rowCount === 0) continue;
    const file = await fetchMiniature(source, footer, rowGroup, options.columns);
    if (file === null) continue;
    const rows = Math.min(options.batchRowsMax ?? BATCH_ROWS_MAX, rowGroup.rowCount);
    yield* decode(file, { name: source.name, batchRowsMax: Math.max(1, rows) });
  }
}

/**
 * The rows of a file as plain objects: structs as objects, maps as objects by key where keys are strings (else as
 * arrays of pairs), lists as arrays, 64-bit integers and timestamps as `bigint`, null where there is no value.
 *
 * Errors: as of `readParquet`.
 */
export async function* readRows(
  source: ByteSource,
  footer: ParquetFooter,
  options: ReadRowsOptions = {},
): AsyncGenerator<Record<string, unknown>> {
  const arrow = await import('apache-arrow');
  const { rows = null } = options;
  let first = 0;
  for await (const batch of readParquet(source, footer, options)) {
    const end = first + batch.numRows;
    const indices = rows?.filter((row) => row >= first && row < end).map((row) => row - first);
    if (indices?.length !== 0) yield* rowsOfBatch(arrow, batch, indices);
    first = end;
  }
}

/** Batches leave the decoder's memory one by one, as they are asked for: together they would be there twice. */
async function* decode(
  file: Uint8Array,
  options: { readonly name: string; readonly batchRowsMax: number },
): AsyncGenerator<RecordBatch> {
  const [wasm, arrow] = await Promise.all([import('parquet-wasm'), import('apache-arrow')]);
  const table = decoding(options.name, () =>
    wasm.readParquet(file, { batchSize: options.batchRowsMax }),
  );
  try {
    for (let index = 0; index < table.numBatches; index += 1) {
      const ipc = decoding(options.name, () => table.recordBatch(index)?.intoIPCStream());
      if (ipc !== undefined) yield* arrow.tableFromIPC(ipc).batches;
    }
  } finally {
    table.free();
  }
}

function decoding<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw corruptData(name, new Error(messageOf(error), { cause: error }));
  }
}
