/**
 * Encodes Arrow data as Parquet. `parquet-wasm` makes the pages, a row group at a time, because its heap never shrinks;
 * the footer is our own.
 */

import type { Data, RecordBatch, Table } from 'apache-arrow';
import type * as ParquetWasm from 'parquet-wasm';

import type { ArrowModule } from './arrow-schema.ts';
import { memorySource } from './byte-source.ts';
import { readFooter } from './footer.ts';
import { encodeTrailer, MAGIC } from './footer-writer.ts';
import type { Codec, ColumnChunk, ParquetFooter, RowGroup } from './types.ts';

export interface WriteOptions {
  /** Default `snappy`, which every reader of Delta tables knows. */
  readonly codec?: Codec;
  /** Rows in a row group at most. Default 122,880: larger ones cost readers more memory and skip less. */
  readonly rowGroupRowsMax?: number;
}

const ROW_GROUP_ROWS_MAX = 122_880;
/** In the form that readers parse to learn of a writer's bugs; those without a version have their statistics ignored. */
const CREATED_BY = 'deltawright version 0.1.0';

/**
 * The bytes of a Parquet file with the rows of `table`, in its order. Types are those of the Arrow data: see
 * `arrowSchemaOf` for the ones that Delta asks for. A table without rows makes a file without row groups.
 */
export async function writeParquet(table: Table, options: WriteOptions = {}): Promise<Uint8Array> {
  const { codec = 'snappy', rowGroupRowsMax = ROW_GROUP_ROWS_MAX } = options;
  const [wasm, arrow] = await Promise.all([import('parquet-wasm'), import('apache-arrow')]);
  const rowGroups: RowGroup[] = [];
  const parts: Uint8Array[] = [Buffer.from(MAGIC)];
  let columns: ParquetFooter['columns'] = [];
  let end = MAGIC.length;
  // Once at least: a file without rows has columns too.
  for (let row = 0; row === 0 || row < table.numRows; row += rowGroupRowsMax) {
    const ipc = arrow.tableToIPC(rowsOf(arrow, table, { start: row, count: rowGroupRowsMax }));
    const bytes = encode(wasm, ipc, codec);
    const footer = await readFooter(memorySource('row group', bytes));
    columns = footer.columns;
    const pages = bytes.subarray(MAGIC.length, pagesEnd(footer));
    rowGroups.push(...footer.rowGroups.map((it) => shifted(it, end - MAGIC.length)));
    parts.push(pages);
    end += pages.length;
  }
  const keyValues = new Map<string, string>();
  parts.push(
    encodeTrailer({ columns, rowGroups, createdBy: CREATED_BY, keyValues, typeDefinedOrder: true }),
  );
  return Buffer.concat(parts);
}

/**
 * Whether a float or double of the data, nested ones too, is NaN: the bounds in the footer of a file written from it do
 * then not hold all values. Looks at places without a value too, so that true may be said in vain, false never.
 */
export async function containsNan(table: Table): Promise<boolean> {
  const { DataType } = await import('apache-arrow');
  const check = (data: Data): boolean => {
    if (DataType.isFloat(data.type)) return hasNan(data.values);
    return data.children.some(check) || (data.dictionary?.data.some(check) ?? false);
  };
  return table.batches.some((batch) => check(batch.data));
}

/** `Table.slice` would keep batches whole where their columns are views. */
function rowsOf(
  arrow: ArrowModule,
  table: Table,
  range: { readonly start: number; readonly count: number },
): Table {
  const { start, count } = range;
  if (start === 0 && table.numRows <= count) return table;
  const batches: RecordBatch[] = [];
  let batchStart = 0;
  for (const batch of table.batches) {
    const from = Math.max(0, start - batchStart);
    const to = Math.min(batch.numRows, start + count - batchStart);
    if (from < to) batches.push(batch.slice(from, to));
    batchStart += batch.numRows;
  }
  return new arrow.Table(table.schema, batches);
}

const COMPRESSION = {
  snappy: 'SNAPPY',
  zstd: 'ZSTD',
  gzip: 'GZIP',
  uncompressed: 'UNCOMPRESSED',
} as const;

function encode(wasm: typeof ParquetWasm, ipc: Uint8Array, codec: Codec): Uint8Array {
  const properties = new wasm.WriterPropertiesBuilder()
    .setCompression(wasm.Compression[COMPRESSION[codec]])
    .setStatisticsEnabled(wasm.EnabledStatistics.Chunk)
    .build();
  return wasm.writeParquet(wasm.Table.fromIPCStream(ipc), properties);
}

function shifted(rowGroup: RowGroup, shift: number): RowGroup {
  const columns = rowGroup.columns.map((chunk): ColumnChunk => ({
    ...chunk,
    start: chunk.start + shift,
    dataStart: chunk.dataStart + shift,
  }));
  return { ...rowGroup, columns };
}

/** Where the last page ends: what follows, an index or a filter, is not taken over. */
function pagesEnd(footer: ParquetFooter): number {
  const chunks = footer.rowGroups.flatMap((rowGroup) => rowGroup.columns);
  return Math.max(MAGIC.length, ...chunks.map((chunk) => chunk.start + chunk.sizeBytes));
}

function hasNan(values: Uint16Array | Float32Array | Float64Array): boolean {
  // Half-precision numbers are held as bits: an exponent of all ones and a fraction that is not zero.
  if (values instanceof Uint16Array) return values.some((bits) => (bits & 0x7fff) > 0x7c00);
  return values.includes(Number.NaN);
}
