/** Statistics of a file from its footer alone: what the footer does not prove is left out, never guessed. */

import {
  type ColumnStatistics,
  compareScalars,
  type DataType,
  type FileStatistics,
  type Scalar,
  type StructType,
} from '../schema/index.ts';
import { readBound, type Side } from './bound.ts';
import { leavesOf } from './schema-tree.ts';
import type { ColumnChunk, ParquetFooter, ParquetNode } from './types.ts';

export interface FooterStatisticsOptions {
  /** Columns of the schema whose values are not those of the file: they get no statistics. Default: none. */
  readonly partitionColumns?: readonly string[];
  /**
   * The caller knows that no float or double of the file is NaN but in these columns of the schema, nested ones by what
   * they are in. Default: nobody knows. Then, and of these, bounds are taken only from writers known to leave them out
   * where there is a NaN.
   */
  readonly nanColumns?: ReadonlySet<string>;
}

/**
 * Row count, null counts and bounds of a file, by the columns of `schema`, whose names must be those of the file byte
 * for byte. A column that the file lacks is all null. Arrays, maps, booleans and binaries have no bounds; arrays and
 * maps have no null count either. Timestamps in milliseconds and nanoseconds become microseconds, a maximum rounded up;
 * texts are bounds as the footer has them, not cut. Integers and decimals of another width fit where their values
 * do.
 */
export function footerStatistics(
  footer: ParquetFooter,
  schema: StructType,
  options: FooterStatisticsOptions = {},
): FileStatistics {
  const positions = new Map(leavesOf(footer.columns).map(({ node }, index) => [node, index]));
  const { nanColumns } = options;
  const isTrusted = omitsBoundsOnNan(footer.createdBy);
  const partitionColumns = new Set(options.partitionColumns);
  const fields = schema.fields.filter((field) => !partitionColumns.has(field.name));
  const columns = fields.flatMap((field) => {
    const isClean = nanColumns !== undefined && !nanColumns.has(field.name);
    const reader = { footer, positions, floatsTrusted: isTrusted || isClean };
    return [...readFields(reader, { kind: 'struct', fields: [field] }, footer.columns)];
  });
  return { rowCount: footer.rowCount, columns: new Map(columns) };
}

interface StatisticsReader {
  readonly footer: ParquetFooter;
  /** Of each leaf's chunk in every row group. */
  readonly positions: ReadonlyMap<ParquetNode, number>;
  readonly floatsTrusted: boolean;
}

const UNKNOWN: ColumnStatistics = { min: null, max: null, nullCount: null, fields: null };

/**
 * Writers seen to leave bounds out where there is a NaN; Arrow's and others skip the NaN, which Spark counts as the
 * greatest value.
 */
export function omitsBoundsOnNan(createdBy: string | null): boolean {
  return createdBy !== null && /^(?:parquet-mr|DuckDB) version /.test(createdBy);
}

function readFields(
  reader: StatisticsReader,
  struct: StructType,
  nodes: readonly ParquetNode[],
): ReadonlyMap<string, ColumnStatistics> {
  const columns = new Map<string, ColumnStatistics>();
  for (const { name, type } of struct.fields) {
    const node = nodes.find((it) => it.name === name);
    const statistics =
      node === undefined ? allNull(type, reader.footer.rowCount) : readColumn(reader, type, node);
    columns.set(name, statistics);
  }
  return columns;
}

function allNull(type: DataType, rowCount: number): ColumnStatistics {
  if (type.kind !== 'struct') return { ...UNKNOWN, nullCount: rowCount };
  const fields = new Map(type.fields.map((it) => [it.name, allNull(it.type, rowCount)]));
  return { ...UNKNOWN, fields };
}

function readColumn(reader: StatisticsReader, type: DataType, node: ParquetNode): ColumnStatistics {
  // What repeats has more values than rows.
  if (node.repetition === 'REPEATED' || type.kind === 'array' || type.kind === 'map') {
    return UNKNOWN;
  }
  const isGroup = node.physicalType === null;
  if (type.kind === 'struct') {
    if (!isGroup || node.logicalType !== null) return UNKNOWN;
    return { ...UNKNOWN, fields: readFields(reader, type, node.children) };
  }
  const position = reader.positions.get(node);
  if (isGroup || position === undefined) return UNKNOWN;
  return readLeaf(reader, { type, node, position });
}

interface Leaf {
  readonly type: DataType;
  readonly node: ParquetNode;
  readonly position: number;
}

function readLeaf(reader: StatisticsReader, leaf: Leaf): ColumnStatistics {
  let nullCount: number | null = 0;
  const chunks: ColumnChunk[] = [];
  for (const { columns, rowCount } of reader.footer.rowGroups) {
    const chunk = columns[leaf.position];
    if (chunk === undefined) return UNKNOWN;
    const nulls = nullCountOf(chunk, rowCount);
    nullCount = nulls === null || nullCount === null ? null : nullCount + nulls;
    // Row groups without values have no bounds and need none.
    if (nulls !== rowCount) chunks.push(chunk);
  }
  const min = boundOf(reader, { ...leaf, chunks, side: 'min' });
  const max = boundOf(reader, { ...leaf, chunks, side: 'max' });
  if (min !== null && max !== null && compareScalars(min, max) > 0)
    return { ...UNKNOWN, nullCount };
  return { min, max, nullCount, fields: null };
}

function nullCountOf(chunk: ColumnChunk, rowCount: number): number | null {
  const count = chunk.statistics?.nullCount ?? null;
  return count === null || count < 0n || count > BigInt(rowCount) ? null : Number(count);
}

function boundOf(
  reader: StatisticsReader,
  leaf: Leaf & { readonly chunks: readonly ColumnChunk[]; readonly side: Side },
): Scalar | null {
  if (!reader.footer.typeDefinedOrder) return null;
  const { chunks, side } = leaf;
  let bound: Scalar | null = null;
  for (const chunk of chunks) {
    const bytes = chunk.statistics?.[side] ?? null;
    const value =
      bytes === null ? null : readBound(bytes, { ...leaf, floatsTrusted: reader.floatsTrusted });
    if (value === null) return null;
    bound = bound === null ? value : outer(bound, value, side);
  }
  return bound;
}

function outer(left: Scalar, right: Scalar, side: Side): Scalar {
  const order = compareScalars(left, right);
  return (side === 'min' ? order <= 0 : order >= 0) ? left : right;
}
