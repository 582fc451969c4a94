/**
 * Encodes Arrow data as Parquet, a row group at a time. What Delta has types for is encoded here, straight from Arrow's
 * memory; for the rest, and for data in very small pieces, `parquet-wasm` makes the pages. The footer is always our own.
 */

import type { Data, RecordBatch, Table } from 'apache-arrow';
import type * as ParquetWasm from 'parquet-wasm';

import { messageOf, PACKAGE_VERSION, present } from '../base/index.ts';
import type { ArrowModule } from './arrow-schema.ts';
import { memorySource } from './byte-source.ts';
import { mixedTables, unencodable } from './errors.ts';
import { readFooter } from './footer.ts';
import { encodeTrailer, MAGIC } from './footer-writer.ts';
import { type FilePart, StoredBytes } from './leaf-copy.ts';
import { withStandardNames } from './nesting.ts';
import { type EncodedRowGroup, type LeafSource, RowGroupEncoder } from './row-group-encoder.ts';
import { leavesOf, type SchemaLeaf } from './schema-tree.ts';
import type { Codec, ColumnChunk, ParquetFooter, RowGroup } from './types.ts';

export interface WriteOptions {
  /** Default `snappy`, which every reader of Delta tables knows. */
  readonly codec?: Codec;
  /** Rows in a row group at most. Default 122,880: larger ones cost readers more memory and skip less. */
  readonly rowGroupRowsMax?: number;
}

const ROW_GROUP_ROWS_MAX = 122_880;
/** In the form that readers parse to learn of a writer's bugs; those without a version have their statistics ignored. */
export const CREATED_BY = `deltawright version ${PACKAGE_VERSION}`;

/** Arrow data, as a whole or table by table as it comes; at least one table, which may be empty. */
export type TableInput = Table | Iterable<Table> | AsyncIterable<Table>;

/**
 * The bytes of a Parquet file with the rows of `input`, in its order; all tables must have the same columns. Types are
 * those of the Arrow data: see `arrowSchemaOf` for the ones that Delta asks for. Data without rows makes a file without
 * row groups. At a time only one row group is held as Arrow data.
 *
 * Errors: `PARQUET_MIXED_TABLES` (invalid), `PARQUET_UNENCODABLE` (unsupported), and those of `input`.
 */
export async function writeParquet(
  input: TableInput,
  options: WriteOptions = {},
): Promise<Uint8Array> {
  const { rowGroupRowsMax = ROW_GROUP_ROWS_MAX } = options;
  const writer = await ParquetWriter.open(options);
  const arrow = await import('apache-arrow');
  for await (const table of regroup(arrow, input, rowGroupRowsMax)) await writer.add(table);
  return writer.finish();
}

/** A file that grows by row groups: of what was added only its pages are held. */
export class ParquetWriter {
  readonly #arrow: ArrowModule;
  readonly #codec: Codec;
  readonly #encoder: RowGroupEncoder;
  readonly #rowGroups: RowGroup[] = [];
  readonly #parts: FilePart[] = [Buffer.from(MAGIC)];
  #columns: ParquetFooter['columns'] | null = null;
  #end = MAGIC.length;

  private constructor(arrow: ArrowModule, codec: Codec) {
    this.#arrow = arrow;
    this.#codec = codec;
    this.#encoder = new RowGroupEncoder(arrow, codec);
  }

  static async open({ codec = 'snappy' }: Pick<WriteOptions, 'codec'>): Promise<ParquetWriter> {
    return new ParquetWriter(await import('apache-arrow'), codec);
  }

  get rowGroupCount(): number {
    return this.#rowGroups.length;
  }

  get rowCount(): number {
    return this.#rowGroups.reduce((sum, { rowCount }) => sum + rowCount, 0);
  }

  /**
   * Adds the rows of `table` as a row group, if it has any; its memory is the caller's again when this resolves.
   * Errors: `PARQUET_MIXED_TABLES`, `PARQUET_UNENCODABLE`.
   */
  async add(table: Table): Promise<void> {
    const encoded =
      this.#encoder.encode(table) ?? (await encodeByWasm(this.#arrow, table, this.#codec));
    this.#columns ??= encoded.columns;
    if (!sameColumns(this.#columns, encoded.columns)) throw mixedTables();
    this.#take(encoded);
  }

  /** Adds a row group whose columns, which a table has said, are made leaf by leaf; at least one row. */
  addLeaves(rowCount: number, from: LeafSource): void {
    const columns = present(this.#columns, 'the table that says the columns');
    this.#take(this.#encoder.encodeLeaves(columns, rowCount, from));
  }

  /** Whether the row groups of a file may be taken over: it has the same columns, and statistics that readers trust. */
  canTake({ columns, createdBy, typeDefinedOrder }: ParquetFooter): boolean {
    const own = present(this.#columns, 'the table that says the columns');
    return typeDefinedOrder && createdBy === CREATED_BY && sameColumns(own, columns);
  }

  /** The bytes of the file, to which at least one table was added. Errors: those of leaves that are copied. */
  finish(): Uint8Array {
    const trailer = encodeTrailer({
      columns: present(this.#columns, 'the table that says the columns'),
      rowGroups: this.#rowGroups,
      createdBy: CREATED_BY,
      keyValues: new Map(),
      typeDefinedOrder: true,
    });
    const bytes = Buffer.allocUnsafeSlow(this.#end + trailer.length);
    let end = 0;
    for (const part of [...this.#parts, trailer]) {
      const target = bytes.subarray(end, end + part.length);
      if (part instanceof StoredBytes) part.copyTo(target);
      else target.set(part);
      end += part.length;
    }
    return bytes;
  }

  #take({ rowGroup, parts }: EncodedRowGroup): void {
    if (rowGroup !== null) this.#rowGroups.push(shifted(rowGroup, this.#end));
    this.#parts.push(...parts);
    this.#end += parts.reduce((sum, { length }) => sum + length, 0);
  }
}

/**
 * The columns in which a float or double, nested ones too, is NaN: the bounds that the footer of a file written from them has
 * do not hold all values. Looks at places without a value too, so that a column may be named in vain, and none is missed.
 */
export async function nanColumns(table: Table): Promise<ReadonlySet<string>> {
  const { DataType } = await import('apache-arrow');
  const check = (data: Data): boolean => {
    if (DataType.isFloat(data.type)) return hasNan(data.values);
    return data.children.some(check) || (data.dictionary?.data.some(check) ?? false);
  };
  const names = table.schema.fields.flatMap(({ name }, index) => {
    const chunks = table.batches.flatMap(({ data }) => data.children[index] ?? []);
    return chunks.some(check) ? [name] : [];
  });
  return new Set(names);
}

/** The same rows in tables of `rowsMax`, and the rest; one empty table where there are no rows. */
async function* regroup(
  arrow: ArrowModule,
  input: TableInput,
  rowsMax: number,
): AsyncGenerator<Table> {
  let first: Table | null = null;
  let waiting: RecordBatch[] = [];
  let room = rowsMax;
  for await (const table of input instanceof arrow.Table ? [input] : input) {
    first ??= table;
    for (const batch of table.batches) {
      for (let start = 0; start < batch.numRows;) {
        const end = Math.min(batch.numRows, start + room);
        waiting.push(end - start === batch.numRows ? batch : batch.slice(start, end));
        room -= end - start;
        start = end;
        if (room > 0) continue;
        yield new arrow.Table(waiting);
        waiting = [];
        room = rowsMax;
      }
    }
  }
  if (waiting.length > 0) yield new arrow.Table(waiting);
  else if (first !== null && first.numRows === 0) yield first;
}

const COMPRESSION = {
  snappy: 'SNAPPY',
  zstd: 'ZSTD',
  gzip: 'GZIP',
  uncompressed: 'UNCOMPRESSED',
} as const;

async function encodeByWasm(
  arrow: ArrowModule,
  table: Table,
  codec: Codec,
): Promise<EncodedRowGroup> {
  const bytes = encodeFile(await import('parquet-wasm'), arrow.tableToIPC(table), codec);
  const footer = await readFooter(memorySource('row group', bytes));
  // Arrow's names for the levels of lists and maps are not those of the format.
  const columns = footer.columns.map(withStandardNames);
  const [rowGroup] = withPaths(footer.rowGroups, leavesOf(columns));
  const pages = bytes.subarray(MAGIC.length, pagesEnd(footer));
  return {
    columns,
    rowGroup: rowGroup === undefined ? null : shifted(rowGroup, -MAGIC.length),
    parts: [pages],
  };
}

function encodeFile(wasm: typeof ParquetWasm, ipc: Uint8Array, codec: Codec): Uint8Array {
  const properties = new wasm.WriterPropertiesBuilder()
    .setCompression(wasm.Compression[COMPRESSION[codec]])
    .setStatisticsEnabled(wasm.EnabledStatistics.Chunk)
    .build();
  try {
    return wasm.writeParquet(wasm.Table.fromIPCStream(ipc), properties);
  } catch (error) {
    throw unencodable(new Error(messageOf(error), { cause: error }));
  }
}

/** The row group so many bytes further on in its file. */
export function shifted(rowGroup: RowGroup, shift: number): RowGroup {
  const columns = rowGroup.columns.map((chunk): ColumnChunk => ({
    ...chunk,
    start: chunk.start + shift,
    dataStart: chunk.dataStart + shift,
  }));
  return { ...rowGroup, columns };
}

function withPaths(
  rowGroups: readonly RowGroup[],
  leaves: readonly SchemaLeaf[],
): readonly RowGroup[] {
  return rowGroups.map((rowGroup) => ({
    ...rowGroup,
    columns: rowGroup.columns.map((chunk, index) => ({
      ...chunk,
      path: leaves[index]?.path ?? chunk.path,
    })),
  }));
}

/** Where the last page ends: what follows, an index or a filter, is not taken over. */
function pagesEnd(footer: ParquetFooter): number {
  const chunks = footer.rowGroups.flatMap((rowGroup) => rowGroup.columns);
  return Math.max(MAGIC.length, ...chunks.map((chunk) => chunk.start + chunk.sizeBytes));
}

function sameColumns(left: ParquetFooter['columns'], right: ParquetFooter['columns']): boolean {
  return left === right || JSON.stringify(left) === JSON.stringify(right);
}

function hasNan(values: Uint16Array | Float32Array | Float64Array): boolean {
  // Half-precision numbers are held as bits: an exponent of all ones and a fraction that is not zero.
  if (values instanceof Uint16Array) return values.some((bits) => (bits & 0x7fff) > 0x7c00);
  return values.includes(Number.NaN);
}
